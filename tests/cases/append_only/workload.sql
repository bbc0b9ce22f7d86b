-- calls: 20
SELECT avg(value), max(length(raw)) FROM readings WHERE taken_at >= '2025-01-04' AND taken_at < '2025-01-04 06:00';

-- calls: 10
INSERT INTO readings
SELECT last.id + i, last.taken_at + i * interval '10 seconds', 7, repeat('r', 100)
FROM (SELECT max(id) AS id, max(taken_at) AS taken_at FROM readings) AS last, generate_series(1, 3000) AS i;
