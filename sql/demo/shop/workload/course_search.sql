-- The search box.
-- weight: 10
-- sends: parameters
-- bind: ["quantum"]
-- bind: ["genealogy portfolio"]
-- bind: ["haskell advanced"]
SELECT id, title, price
  FROM shop.courses
 WHERE search @@ plainto_tsquery('english', %s)
   AND published
 LIMIT 30
