-- Who signed up this week and never started anything?
-- weight: 3
-- sends: parameters
-- bind: ["2026-06-23 00:00+00"]
-- bind: ["2026-06-28 00:00+00"]
SELECT u.id, u.email
  FROM shop.users u
 WHERE u.created_at >= %s
   AND NOT EXISTS (SELECT 1 FROM shop.enrolments e WHERE e.user_id = u.id)
