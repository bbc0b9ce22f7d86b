-- Revenue by day since the beginning (reads everything, whatever the indexes).
-- weight: 1
-- sends: literals
-- bind: []
WITH paid AS (
  SELECT date_trunc('day', created_at) AS day, total, currency
    FROM shop.orders
   WHERE status = 'paid'
)
SELECT day, currency, sum(total) AS revenue
  FROM paid
 GROUP BY day, currency
 ORDER BY day
