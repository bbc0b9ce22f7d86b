-- One learner, for nearly every page (N+1: asked once for every row of a list).
-- weight: 120
-- sends: parameters
-- bind: [17]
-- bind: [4201]
-- bind: [12800]
-- bind: [29990]
SELECT id, email, name, country, profile
  FROM shop.users
 WHERE id = %s
