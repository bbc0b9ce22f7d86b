-- One customer is looked up by mail, his orders by the foreign key: neither has an index.
CREATE TABLE customers (
    id int PRIMARY KEY,
    email text NOT NULL,
    address text NOT NULL
);

CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    total int NOT NULL,
    note text NOT NULL
);

INSERT INTO customers
SELECT i, 'user' || i || '@example.com', repeat('a', 80)
FROM generate_series(1, 10000) AS i;

INSERT INTO orders
SELECT i, (i * 7919) % 10000 + 1, i % 500, repeat('n', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE customers;

VACUUM ANALYZE orders;
