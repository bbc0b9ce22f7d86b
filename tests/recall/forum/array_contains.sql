SELECT id, subject, created_at
FROM thread
WHERE tags @> ARRAY['postgres']::varchar[]
ORDER BY created_at DESC
LIMIT 20
