-- A customer by mail or by phone: two indexes, read together.
CREATE TABLE contacts (
    id int PRIMARY KEY,
    email text NOT NULL,
    phone text NOT NULL,
    about text NOT NULL
);

INSERT INTO contacts
SELECT i, 'user' || i || '@example.com', '+49' || (i * 7919) % 1000000, repeat('a', 60)
FROM generate_series(1, 30000) AS i;

VACUUM ANALYZE contacts;
