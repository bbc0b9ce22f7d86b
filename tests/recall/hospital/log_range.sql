SELECT avg(pulse), max(pulse)
FROM vital_sign
WHERE measured_at >= '2024-02-01' AND measured_at < '2024-02-02'
