-- Mail addresses as people typed them, looked up whatever the case.
CREATE TABLE users (
    id int PRIMARY KEY,
    email text NOT NULL,
    about text NOT NULL
);

INSERT INTO users
SELECT i, 'User' || i || '@Example.com', repeat('a', 80)
FROM generate_series(1, 30000) AS i;

VACUUM ANALYZE users;
