-- All visits of one day; the condition is on the day, not on the time. Visits come in no order.
CREATE TABLE visits (
    id int PRIMARY KEY,
    came_at timestamp NOT NULL,
    page text NOT NULL
);

INSERT INTO visits
SELECT i, timestamp '2025-01-01' + (i * 6151 % 40000) * interval '13 minutes', repeat('p', 80)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE visits;
