-- A day has 1,000 readings all over the table; on any day the pressure is high in a third of them.
CREATE TABLE readings (
    id int PRIMARY KEY,
    taken_at timestamptz NOT NULL,
    pressure int NOT NULL,
    note text NOT NULL
);

INSERT INTO readings
SELECT i, timestamptz '2025-01-01' + (i * 7919 % 40000) * interval '86 seconds', i * 6151 % 9973, repeat('n', 400)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE readings;
