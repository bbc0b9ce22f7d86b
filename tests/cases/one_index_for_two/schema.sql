-- Two statements, one index: what serves the account and the time serves the account alone, too.
CREATE TABLE transfers (
    id bigint PRIMARY KEY,
    account_id int NOT NULL,
    made_at timestamptz NOT NULL,
    note text NOT NULL
);

INSERT INTO transfers
SELECT i, (i * 7919) % 80, timestamptz '2025-01-01' + (i * 6151 % 40000) * interval '9 minutes', repeat('n', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE transfers;
