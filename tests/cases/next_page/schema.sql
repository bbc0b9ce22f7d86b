-- Paging by the last row seen: the order is of two columns, downwards.
CREATE TABLE feed (
    id int PRIMARY KEY,
    made_at timestamptz NOT NULL,
    body text NOT NULL
);

INSERT INTO feed
SELECT i, timestamptz '2025-01-01' + (i * 6151 % 20000) * interval '9 minutes', repeat('b', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE feed;
