-- The newest learners of one country (sales).
-- weight: 5
-- sends: parameters
-- bind: ["IS"]
-- bind: ["PL"]
-- bind: ["US"]
SELECT id, name, email, created_at
  FROM shop.users
 WHERE country = %s
 ORDER BY created_at DESC
 LIMIT 20
