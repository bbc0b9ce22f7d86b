-- What the workload read once is not there any more.
CREATE TABLE old_orders (
    id int PRIMARY KEY,
    customer_id int NOT NULL
);

INSERT INTO old_orders SELECT i, i % 2000 FROM generate_series(1, 20000) AS i;
