-- Two tables of one name: the one in sales has its index, the one in support has none.
CREATE SCHEMA sales;

CREATE SCHEMA support;

CREATE TABLE sales.tickets (
    id int PRIMARY KEY,
    reference text NOT NULL,
    body text NOT NULL
);

CREATE TABLE support.tickets (
    id int PRIMARY KEY,
    reference text NOT NULL,
    body text NOT NULL
);

INSERT INTO sales.tickets SELECT i, 'S' || i, repeat('b', 80) FROM generate_series(1, 20000) AS i;

INSERT INTO support.tickets SELECT i, 'S' || i, repeat('b', 80) FROM generate_series(1, 20000) AS i;

CREATE INDEX ON sales.tickets (reference);

VACUUM ANALYZE sales.tickets;

VACUUM ANALYZE support.tickets;
