-- A materialized view is a table as far as indexes are concerned.
CREATE TABLE sales (id int PRIMARY KEY, shop_id int NOT NULL, amount int NOT NULL);

INSERT INTO sales SELECT i, (i * 7919) % 30000, i % 1000 FROM generate_series(1, 60000) AS i;

CREATE MATERIALIZED VIEW shop_totals AS
SELECT shop_id, count(*) AS sales, sum(amount) AS total, repeat('x', 40) AS filler
FROM sales
GROUP BY shop_id;

VACUUM ANALYZE sales;

VACUUM ANALYZE shop_totals;
