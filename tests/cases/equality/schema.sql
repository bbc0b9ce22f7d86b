-- 40,000 orders of 2,000 customers, spread over the whole table.
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id int NOT NULL,
    total numeric(10, 2) NOT NULL,
    note text NOT NULL
);

INSERT INTO orders
SELECT i, (i * 7919) % 2000, (i % 500) + 0.5, repeat('n', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE orders;
