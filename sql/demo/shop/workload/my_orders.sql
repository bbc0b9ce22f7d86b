-- The learner's orders, newest first (account page).
-- weight: 25
-- sends: parameters
-- bind: [1, 10]
-- bind: [4711, 10]
-- bind: [29000, 10]
SELECT id, status, total, currency, created_at
  FROM shop.orders
 WHERE user_id = %s
 ORDER BY created_at DESC
 LIMIT %s
