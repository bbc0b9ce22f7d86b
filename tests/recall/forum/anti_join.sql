SELECT m.id, m.handle
FROM member m
WHERE m.karma > 8900
  AND m.id NOT IN (SELECT p.author_id FROM post p)
