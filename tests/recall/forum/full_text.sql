SELECT p.id, p.thread_id
FROM post p
WHERE to_tsvector('english', p.body) @@ websearch_to_tsquery('english', 'deadlock vacuum')
ORDER BY p.posted_at DESC
LIMIT 20
