-- A log only grows at its end, so an hour's rows lie together: a few pages of index are enough,
-- and they cost nearly nothing at each of the many rows that come.
CREATE TABLE readings (
    id bigint PRIMARY KEY,
    taken_at timestamptz NOT NULL,
    value int NOT NULL,
    raw text NOT NULL
);

INSERT INTO readings
SELECT i, timestamptz '2025-01-01' + i * interval '10 seconds', i % 1000, repeat('r', 100)
FROM generate_series(1, 60000) AS i;

VACUUM ANALYZE readings;
