-- The learners shown on one page, by primary key.
-- weight: 20
-- sends: parameters
-- bind: [[3, 14, 159, 2653, 5897, 9323, 8462]]
-- bind: [[27, 182, 8182, 8459, 452, 3536]]
SELECT id, name, country
  FROM shop.users
 WHERE id = ANY(%s)
