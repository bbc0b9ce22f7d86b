-- Revenue by category in a window of time (weekly report).
-- weight: 2
-- sends: parameters
-- bind: ["2026-06-01 00:00+00", "2026-06-08 00:00+00"]
-- bind: ["2025-11-20 00:00+00", "2025-11-27 00:00+00"]
SELECT c.category, sum(i.quantity * i.unit_price) AS revenue
  FROM shop.orders o
  JOIN shop.order_items i ON i.order_id = o.id
  JOIN shop.courses c ON c.id = i.course_id
 WHERE o.created_at >= %s
   AND o.created_at < %s
   AND o.status = 'paid'
 GROUP BY c.category
 ORDER BY revenue DESC
