SELECT t.id, t.subject, count(p.id) AS answers, sum(p.likes)
FROM thread t
INNER JOIN post p ON p.thread_id = t.id
WHERE t.author_id = 1502
GROUP BY t.id, t.subject
