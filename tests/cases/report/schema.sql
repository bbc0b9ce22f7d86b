-- A report reads everything; no index makes that less.
CREATE TABLE sales (
    id int PRIMARY KEY,
    region int NOT NULL,
    amount int NOT NULL
);

INSERT INTO sales SELECT i, (i * 7919) % 12, i % 1000 FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE sales;
