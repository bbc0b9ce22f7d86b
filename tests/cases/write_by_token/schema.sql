-- Writes that first have to find their row.
CREATE TABLE sessions (
    id int PRIMARY KEY,
    token text NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    data text NOT NULL
);

INSERT INTO sessions
SELECT i, md5(i::text), '2025-01-01', timestamptz '2025-01-01' + (i * 6151 % 30000) * interval '1 minute', repeat('d', 80)
FROM generate_series(1, 30000) AS i;

VACUUM ANALYZE sessions;
