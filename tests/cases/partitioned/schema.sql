-- By month; the index has to be on every partition, through the parent.
CREATE TABLE measurements (
    sensor_id int NOT NULL,
    taken_at timestamptz NOT NULL,
    value int NOT NULL,
    raw text NOT NULL
) PARTITION BY RANGE (taken_at);

CREATE TABLE measurements_1 PARTITION OF measurements FOR VALUES FROM ('2025-01-01 00:00Z') TO ('2025-02-01 00:00Z');

CREATE TABLE measurements_2 PARTITION OF measurements FOR VALUES FROM ('2025-02-01 00:00Z') TO ('2025-03-01 00:00Z');

CREATE TABLE measurements_rest PARTITION OF measurements DEFAULT;

INSERT INTO measurements
SELECT (i * 7919) % 1000, timestamptz '2025-01-01 00:00Z' + i * interval '2 minutes', i % 100, repeat('r', 60)
FROM generate_series(1, 50000) AS i;

VACUUM ANALYZE measurements;
