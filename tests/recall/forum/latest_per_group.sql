SELECT t.id, l.posted_at, l.author_id
FROM thread t
CROSS JOIN LATERAL (
    SELECT p.posted_at, p.author_id FROM post p WHERE p.thread_id = t.id ORDER BY p.posted_at DESC LIMIT 1
) AS l
WHERE t.board_id = 4 AND t.sticky
