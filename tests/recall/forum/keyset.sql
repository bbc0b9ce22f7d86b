SELECT id, subject, created_at
FROM thread
WHERE (created_at, id) < (timestamptz '2022-05-05 00:00', 5880)
ORDER BY created_at DESC, id DESC
LIMIT 30
