-- The learner was here.
-- weight: 25
-- sends: parameters
-- bind: ["2026-06-30 00:00:03+00", 17]
-- bind: ["2026-06-30 00:00:04+00", 12800]
UPDATE shop.users
   SET last_seen_at = %s
 WHERE id = %s
