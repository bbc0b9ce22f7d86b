-- Which payments were declined on this day?
-- weight: 4
-- sends: parameters
-- bind: ["declined", "2026-06-10 00:00+00", "2026-06-11 00:00+00"]
-- bind: ["declined", "2026-03-02 00:00+00", "2026-03-03 00:00+00"]
SELECT order_id, method, amount
  FROM shop.payments
 WHERE state = %s
   AND booked_at >= %s
   AND booked_at < %s
