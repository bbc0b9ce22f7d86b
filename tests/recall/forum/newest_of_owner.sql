SELECT p.id, p.body, p.posted_at, p.likes
FROM post AS p
WHERE p.author_id = 42
ORDER BY p.posted_at DESC
LIMIT 10 OFFSET 0
