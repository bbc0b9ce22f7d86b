-- One course, for nearly every page (N+1).
-- weight: 100
-- sends: parameters
-- bind: [1]
-- bind: [377]
-- bind: [5120]
SELECT id, title, price, tags
  FROM shop.courses
 WHERE id = %s
