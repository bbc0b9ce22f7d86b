SELECT x.thread_id, x.id, x.likes
FROM (SELECT id, thread_id, likes, dense_rank() OVER (PARTITION BY thread_id ORDER BY likes DESC) AS r FROM post) x
WHERE x.r = 1
