-- Customers of one town without any order: the question is asked of the orders, once a customer.
CREATE TABLE customers (
    id int PRIMARY KEY,
    town int NOT NULL,
    about text NOT NULL
);

CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id int NOT NULL,
    note text NOT NULL
);

INSERT INTO customers SELECT i, i % 400, repeat('a', 60) FROM generate_series(1, 20000) AS i;

INSERT INTO orders SELECT i, (i * 7919) % 15000, repeat('n', 60) FROM generate_series(1, 40000) AS i;

CREATE INDEX ON customers (town);

VACUUM ANALYZE customers;

VACUUM ANALYZE orders;
