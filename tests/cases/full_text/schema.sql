-- Words looked up in a text that is read as words at every query.
CREATE TABLE notes (
    id int PRIMARY KEY,
    body text NOT NULL
);

INSERT INTO notes
SELECT i, 'note about subject' || i % 500 || ' and thing' || (i * 7919) % 700 || ' written by somebody'
FROM generate_series(1, 8000) AS i;

VACUUM ANALYZE notes;
