-- People search for a part of a name, whatever the case.
CREATE TABLE companies (
    id int PRIMARY KEY,
    name text NOT NULL
);

INSERT INTO companies SELECT i, 'Company ' || md5(i::text) || ' Ltd' FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE companies;
