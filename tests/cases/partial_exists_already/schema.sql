-- What is asked for has its partial index, as somebody wrote it; a full one is there, too.
CREATE TABLE jobs (
    id bigint PRIMARY KEY,
    status text NOT NULL,
    queued_at timestamptz NOT NULL,
    payload text NOT NULL
);

CREATE INDEX ON jobs (queued_at) WHERE status = 'queued';

CREATE TABLE parcels (id bigint PRIMARY KEY, shipped_at timestamptz, address text NOT NULL);

CREATE INDEX ON parcels (id) WHERE shipped_at IS NULL;

INSERT INTO jobs
SELECT
    i,
    CASE WHEN i % 200 = 0 THEN 'queued' ELSE 'done' END,
    timestamptz '2025-01-01' + (i * 6151 % 20000) * interval '1 minute',
    repeat('p', 80)
FROM generate_series(1, 20000) AS i;

INSERT INTO parcels
SELECT i, CASE WHEN i % 100 > 0 THEN timestamptz '2025-01-01' + i * interval '1 minute' END, repeat('a', 80)
FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE jobs;

VACUUM ANALYZE parcels;
