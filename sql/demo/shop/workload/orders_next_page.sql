-- The next page of all orders (keyset pagination).
-- weight: 6
-- sends: parameters
-- bind: ["2026-06-01 00:00+00", 47000]
-- bind: ["2025-08-15 12:00+00", 17000]
SELECT id, user_id, status, total, created_at
  FROM shop.orders
 WHERE (created_at, id) < (%s, %s)
 ORDER BY created_at DESC, id DESC
 LIMIT 50
