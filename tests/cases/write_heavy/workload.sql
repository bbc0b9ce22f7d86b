-- calls: 5
INSERT INTO trace SELECT i, (i * 7919) % 5000, repeat('b', 60) FROM generate_series(1, 20000) AS i;

-- calls: 1
SELECT * FROM trace WHERE request_id = 77;
