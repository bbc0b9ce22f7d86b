-- calls: 20
WITH mine AS (SELECT * FROM orders WHERE shop_id = 77)
SELECT date_trunc('month', ordered_at) AS month, count(*) FROM mine GROUP BY 1 ORDER BY 1;
