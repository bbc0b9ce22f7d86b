-- Whose cookie is this? Asked with every request.
-- weight: 60
-- sends: parameters
-- bind: ["98ba1a6d19731aa7d4286b36fe5812b83b1018258032c6d64ca7848335006376"]
-- bind: ["00000000000000000000000000000000ffffffffffffffffffffffffffffffff"]
SELECT id, user_id, expires_at
  FROM shop.sessions
 WHERE token = %s
   AND expires_at > now()
