-- An outbox: a handful of messages is still to be sent.
CREATE TABLE outbox (
    id bigint PRIMARY KEY,
    sent boolean NOT NULL,
    body text NOT NULL
);

INSERT INTO outbox SELECT i, i % 400 <> 0, repeat('b', 90) FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE outbox;
