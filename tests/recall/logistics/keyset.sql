SELECT id, remark, reported_at
FROM incidents
WHERE reported_at < '2023-09-01' OR (reported_at = '2023-09-01' AND id < 2200)
ORDER BY reported_at DESC, id DESC
LIMIT 50
