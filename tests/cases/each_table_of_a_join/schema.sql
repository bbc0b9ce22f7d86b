-- One table is a fortieth of the other: after the large one has its index, the small one is what
-- takes the time.
CREATE TABLE owners (
    id int PRIMARY KEY,
    email text NOT NULL,
    address text NOT NULL
);

CREATE TABLE things (
    id bigint PRIMARY KEY,
    owner_id int NOT NULL,
    body text NOT NULL
);

INSERT INTO owners SELECT i, 'user' || i || '@example.com', repeat('a', 60) FROM generate_series(1, 3000) AS i;

INSERT INTO things SELECT i, (i * 7919) % 3000 + 1, repeat('b', 150) FROM generate_series(1, 60000) AS i;

VACUUM ANALYZE owners;

VACUUM ANALYZE things;
