-- Few accounts came from the old system; those are looked up by their old number.
CREATE TABLE accounts (
    id int PRIMARY KEY,
    old_number int,
    about text NOT NULL
);

INSERT INTO accounts
SELECT i, CASE WHEN i % 50 = 0 THEN i * 3 END, repeat('a', 80)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE accounts;
