-- A user's messages are many and lie all over the table; a page shows the newest ten.
CREATE TABLE messages (
    id bigint PRIMARY KEY,
    user_id int NOT NULL,
    sent_at timestamptz NOT NULL,
    body text NOT NULL
);

INSERT INTO messages
SELECT i, (i * 7919) % 60, timestamptz '2025-01-01' + (i * 6151 % 40000) * interval '11 minutes', repeat('b', 70)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE messages;
