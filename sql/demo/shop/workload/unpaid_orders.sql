-- Which orders still wait for money? (Reminder job.)
-- weight: 6
-- sends: literals
-- bind: []
SELECT id, user_id, total, created_at
  FROM shop.orders
 WHERE paid_at IS NULL
   AND status = 'pending'
 ORDER BY created_at
 LIMIT 100
