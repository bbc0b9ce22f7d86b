-- A schema that is on nobody's search path.
CREATE SCHEMA billing;

CREATE TABLE billing.invoices (
    id int PRIMARY KEY,
    number text NOT NULL,
    body text NOT NULL
);

INSERT INTO billing.invoices SELECT i, 'INV-' || i, repeat('b', 80) FROM generate_series(1, 30000) AS i;

VACUUM ANALYZE billing.invoices;
