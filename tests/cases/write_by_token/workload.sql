-- calls: 20
UPDATE sessions SET seen_at = '2025-02-02' WHERE token = 'c4ca4238a0b923820dcc509a6f75849b';

-- calls: 10
-- values: ["2025-01-01 00:05"]
-- values: ["2025-01-01 00:10"]
DELETE FROM sessions WHERE expires_at < $1::timestamptz;
