-- The catalogue page of one tag, cheapest first.
-- weight: 12
-- sends: parameters
-- bind: [["staff-pick"]]
-- bind: [["haskell", "project"]]
-- bind: [["calligraphy"]]
SELECT id, title, price
  FROM shop.courses
 WHERE tags @> %s
   AND published
 ORDER BY price
 LIMIT 20
