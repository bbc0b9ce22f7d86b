-- When did the learners of this country last buy?
-- weight: 2
-- sends: parameters
-- bind: ["IS"]
SELECT u.id, u.name,
       (SELECT max(o.created_at) FROM shop.orders o WHERE o.user_id = u.id) AS last_order_at
  FROM shop.users u
 WHERE u.country = %s
