-- The words are kept in a column of their own.
CREATE TABLE pages (
    id int PRIMARY KEY,
    title text NOT NULL,
    words tsvector NOT NULL
);

INSERT INTO pages
SELECT i, 'page ' || i, to_tsvector('simple', 'page about subject' || i % 500 || ' thing' || (i * 7919) % 700)
FROM generate_series(1, 15000) AS i;

VACUUM ANALYZE pages;
