-- The newest of everything, page after page. Entries come in no order.
CREATE TABLE posts (
    id int PRIMARY KEY,
    posted_at timestamptz NOT NULL,
    body text NOT NULL
);

INSERT INTO posts
SELECT i, timestamptz '2025-01-01' + (i * 6151 % 40000) * interval '9 minutes', repeat('b', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE posts;
