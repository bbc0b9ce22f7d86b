-- calls: 20
-- values: ["2025-02-01", 500]
-- values: ["2025-04-01", 9500]
SELECT * FROM feed WHERE (made_at, id) < ($1, $2) ORDER BY made_at DESC, id DESC LIMIT 20;
