-- Written all day, looked into once: an index would cost more than it saves.
CREATE TABLE trace (
    id bigint NOT NULL,
    request_id int NOT NULL,
    body text NOT NULL
);

INSERT INTO trace SELECT i, (i * 7919) % 5000, repeat('b', 60) FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE trace;
