-- The support desk filters orders by status.
-- weight: 8
-- sends: parameters
-- bind: ["failed", "2026-01-01 00:00+00"]
-- bind: ["chargeback", "2025-01-01 00:00+00"]
-- bind: ["pending", "2026-05-01 00:00+00"]
-- bind: ["paid", "2026-06-01 00:00+00"]
SELECT id, user_id, total, created_at
  FROM shop.orders
 WHERE status = %s
   AND created_at >= %s
 ORDER BY created_at DESC
 LIMIT 25
