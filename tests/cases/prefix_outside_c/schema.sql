-- Outside the C locale a plain B-tree cannot serve LIKE 'prefix%'.
-- (The extension that could serve any pattern is not installed.)
DROP EXTENSION pg_trgm;

CREATE TABLE products (
    id int PRIMARY KEY,
    name text COLLATE "en-x-icu" NOT NULL,
    about text NOT NULL
);

INSERT INTO products SELECT i, md5(i::text), repeat('a', 80) FROM generate_series(1, 30000) AS i;

VACUUM ANALYZE products;
