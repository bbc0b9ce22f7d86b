-- calls: 20
-- values: [7, "2025-03-01", "2025-03-08"]
-- values: [21, "2025-08-01", "2025-08-08"]
SELECT * FROM events WHERE account_id = $1 AND created_at >= $2 AND created_at < $3;
