-- The condition stands inside a WITH; the last order of each line of a list is a subquery.
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    shop_id int NOT NULL,
    ordered_at timestamptz NOT NULL,
    note text NOT NULL
);

INSERT INTO orders
SELECT i, (i * 7919) % 1000, timestamptz '2025-01-01' + (i * 6151 % 40000) * interval '9 minutes', repeat('n', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE orders;
