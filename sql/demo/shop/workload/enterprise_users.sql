-- Who has the big plan?
-- weight: 4
-- sends: parameters
-- bind: ["{\"plan\": \"enterprise\"}"]
-- bind: ["{\"plan\": \"enterprise\", \"theme\": \"dark\"}"]
SELECT id, name, profile->>'timezone' AS timezone
  FROM shop.users
 WHERE profile @> %s
