-- Articles with tags; a page lists those of one tag.
CREATE TABLE articles (
    id int PRIMARY KEY,
    tags text[] NOT NULL,
    title text NOT NULL
);

INSERT INTO articles
SELECT i, ARRAY['tag' || i % 300, 'tag' || (i * 7919) % 400, 'topic' || i % 7], repeat('t', 60)
FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE articles;
