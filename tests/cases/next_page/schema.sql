-- Paging by the last row seen: a thousand entries share each time, so the order is of two columns.
CREATE TABLE feed (
    id int PRIMARY KEY,
    made_at timestamptz NOT NULL,
    body text NOT NULL
);

INSERT INTO feed
SELECT i, timestamptz '2025-01-01' + i % 40 * interval '1 day', repeat('b', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE feed;
