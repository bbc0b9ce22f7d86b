-- Away with the guests' sessions (every few minutes).
-- weight: 2
-- sends: parameters
-- bind: ["2026-06-30 00:00+00"]
DELETE FROM shop.sessions
 WHERE expires_at < %s
