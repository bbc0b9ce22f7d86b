-- Nothing has been asked yet.
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL);

INSERT INTO orders SELECT i, i % 2000 FROM generate_series(1, 20000) AS i;
