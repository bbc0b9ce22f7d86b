-- calls: 20
SELECT * FROM posts ORDER BY posted_at DESC LIMIT 10;

-- calls: 20
SELECT max(posted_at) FROM posts;
