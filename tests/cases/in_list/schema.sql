-- A basket's articles, by a list of numbers.
CREATE TABLE stock (
    id int PRIMARY KEY,
    sku text NOT NULL,
    place text NOT NULL
);

INSERT INTO stock SELECT i, 'SKU' || i, repeat('p', 80) FROM generate_series(1, 30000) AS i;

VACUUM ANALYZE stock;
