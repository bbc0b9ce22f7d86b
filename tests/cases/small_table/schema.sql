-- A table of one page is read faster than any index.
CREATE TABLE currencies (
    code text PRIMARY KEY,
    name text NOT NULL
);

INSERT INTO currencies SELECT 'C' || i, 'currency ' || i FROM generate_series(1, 50) AS i;

VACUUM ANALYZE currencies;
