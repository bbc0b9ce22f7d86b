-- A learner remembers a part of the address only.
-- weight: 5
-- sends: parameters
-- bind: ["%lopez88%"]
-- bind: ["%kowalczyk12%"]
-- bind: ["%77@uni-sev%"]
SELECT id, name, email
  FROM shop.users
 WHERE email ILIKE %s
 LIMIT 50
