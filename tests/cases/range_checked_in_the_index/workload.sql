-- calls: 20
-- values: ["2025-01-09", "2025-01-10", 6600]
-- values: ["2025-02-02", "2025-02-03", 7000]
SELECT * FROM readings WHERE taken_at >= $1 AND taken_at < $2 AND pressure > $3;
