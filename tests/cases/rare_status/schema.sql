-- Of 40,000 jobs nearly all are done; a worker asks for the few that are queued.
CREATE TABLE jobs (
    id bigint PRIMARY KEY,
    status text NOT NULL,
    queued_at timestamptz NOT NULL,
    payload text NOT NULL
);

INSERT INTO jobs
SELECT
    i,
    CASE WHEN i % 200 = 0 THEN 'queued' WHEN i % 100 = 1 THEN 'failed' ELSE 'done' END,
    timestamptz '2025-01-01' + (i * 6151 % 40000) * interval '1 minute',
    repeat('p', 80)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE jobs;
