-- calls: 20
SELECT avg(value), max(length(raw)) FROM readings WHERE taken_at >= '2025-01-04' AND taken_at < '2025-01-04 06:00';
