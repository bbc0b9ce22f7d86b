-- Every third player has no score yet, and those must not come first.
CREATE TABLE players (
    id bigint PRIMARY KEY,
    score int,
    name text NOT NULL
);

INSERT INTO players
SELECT i, CASE WHEN i % 3 > 0 THEN (i * 7919) % 100000 END, 'player ' || i || repeat('x', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE players;
