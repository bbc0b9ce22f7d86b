-- Each of 40 accounts has 1,000 events all over the table and the year.
CREATE TABLE events (
    id bigint PRIMARY KEY,
    account_id int NOT NULL,
    created_at timestamptz NOT NULL,
    payload text NOT NULL
);

INSERT INTO events
SELECT i, (i * 7919) % 40, timestamptz '2025-01-01' + (i * 6151 % 40000) * interval '13 minutes', repeat('p', 70)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE events;
