-- Everything that is asked for can be looked up already: by an index, by the first key of a wider
-- one, by a constraint, by an expression, backwards.
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id int NOT NULL,
    ordered_at timestamptz NOT NULL,
    reference text NOT NULL UNIQUE,
    email text NOT NULL
);

CREATE INDEX ON orders (customer_id, ordered_at);

CREATE INDEX ON orders (lower(email));

INSERT INTO orders
SELECT i, (i * 7919) % 2000, timestamptz '2025-01-01' + (i * 6151 % 40000) * interval '9 minutes', 'R' || i, 'User' || i
FROM generate_series(1, 30000) AS i;

VACUUM ANALYZE orders;
