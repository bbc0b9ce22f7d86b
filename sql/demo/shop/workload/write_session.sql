-- A guest opens a session of one minute.
-- weight: 10
-- sends: parameters
-- bind: ["guest-1", 17]
-- bind: ["guest-2", 4201]
INSERT INTO shop.sessions (token, user_id, ip, created_at, expires_at)
VALUES (%s, %s, '10.9.8.7', '2026-06-29 23:00+00', '2026-06-29 23:01+00')
