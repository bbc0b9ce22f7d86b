-- Who logs in? People type their address as they like.
-- weight: 30
-- sends: parameters
-- bind: ["julia.smith1@outlook.example"]
-- bind: ["Greta.Ramirez2@yahoo.example"]
-- bind: ["NOBODY@nowhere.example"]
SELECT id, name, role
  FROM shop.users
 WHERE lower(email) = lower(%s)
   AND deleted_at IS NULL
