-- The condition keeps nineteen rows in twenty: reading all of them is the best there is.
CREATE TABLE members (
    id int PRIMARY KEY,
    active boolean NOT NULL,
    country text NOT NULL,
    about text NOT NULL
);

INSERT INTO members
SELECT i, i % 20 > 0, CASE WHEN i % 10 = 0 THEN 'AT' ELSE 'DE' END, repeat('a', 40)
FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE members;
