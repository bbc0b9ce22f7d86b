SELECT actor, action, logged_at
FROM journal
WHERE logged_at >= '2024-01-15 09:00' AND logged_at < '2024-01-15 10:00'
ORDER BY logged_at
