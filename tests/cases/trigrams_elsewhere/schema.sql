-- Extensions live in a schema that is not in the search path, as hosting providers set it up.
CREATE SCHEMA "our extensions";
ALTER EXTENSION pg_trgm SET SCHEMA "our extensions";

CREATE TABLE companies (
    id int PRIMARY KEY,
    name text NOT NULL
);

INSERT INTO companies SELECT i, 'Company ' || md5(i::text) || ' Ltd' FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE companies;
