-- The application's own temporary tables are gone when we come.
CREATE TABLE parts (id int PRIMARY KEY, name text NOT NULL);

INSERT INTO parts SELECT i, 'part ' || i FROM generate_series(1, 5000) AS i;

VACUUM ANALYZE parts;
