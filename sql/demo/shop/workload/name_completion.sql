-- Names that begin like this (staff types into a box).
-- weight: 12
-- sends: literals
-- bind: ["Marcus Kow%"]
-- bind: ["Zofia Ric%"]
-- bind: ["Quentin Sm%"]
SELECT id, name
  FROM shop.users
 WHERE name LIKE %s
 ORDER BY name
 LIMIT 10
