-- Which payment attempts did this order have?
-- weight: 15
-- sends: parameters
-- bind: [33001]
-- bind: [41234]
-- bind: [49876]
SELECT id, method, state, amount, booked_at
  FROM shop.payments
 WHERE order_id = %s
 ORDER BY booked_at
