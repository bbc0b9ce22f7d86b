-- Documents looked up by what they contain.
CREATE TABLE devices (
    id int PRIMARY KEY,
    facts jsonb NOT NULL
);

INSERT INTO devices
SELECT i, jsonb_build_object('serial', i, 'model', 'M' || i % 200, 'site', jsonb_build_object('room', i % 300))
FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE devices;
