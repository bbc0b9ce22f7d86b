-- calls: 20
SELECT avg(value), max(length(raw)) FROM readings WHERE taken_at >= '2025-01-04' AND taken_at < '2025-01-04 06:00';

-- calls: 5
-- values: [60000]
-- values: [66000]
-- values: [72000]
-- values: [78000]
-- values: [84000]
INSERT INTO readings
SELECT i, timestamptz '2025-01-01' + i * interval '10 seconds', 7, repeat('r', 100)
FROM generate_series($1::int + 1, $1::int + 6000) AS i;
