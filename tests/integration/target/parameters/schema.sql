-- A shop small enough to load in a second, with a column of nearly every type.
CREATE TYPE plan AS ENUM ('free', 'basic', 'pro');
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE SCHEMA app;

CREATE TABLE customers (
    id bigint PRIMARY KEY,
    email email NOT NULL,
    name varchar(80) NOT NULL,
    plan plan NOT NULL,
    active boolean NOT NULL,
    tags text[] NOT NULL,
    profile jsonb NOT NULL,
    address inet NOT NULL,
    token uuid NOT NULL,
    country character(2) NOT NULL,
    joined date NOT NULL,
    bio tsvector NOT NULL
);

CREATE TABLE app.orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    status varchar(20) NOT NULL,
    total numeric(10,2) NOT NULL,
    price money NOT NULL,
    placed_at timestamptz NOT NULL,
    shipped_at timestamp,
    quantity int NOT NULL,
    ratio double precision NOT NULL,
    period daterange NOT NULL,
    opening time NOT NULL,
    patience interval NOT NULL,
    checksum bytea NOT NULL,
    lines jsonb NOT NULL,
    codes int[] NOT NULL,
    note text
);

CREATE TABLE "Weird Table" ("Id" int PRIMARY KEY, "Say ""Hi""" text NOT NULL, "select" smallint NOT NULL);

CREATE TABLE events (id bigint, kind text NOT NULL, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2023 PARTITION OF events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');

INSERT INTO customers
SELECT i, 'user' || i || '@example' || i % 7 || '.com', 'Näme ' || chr(65 + i % 26) || i % 300,
       (ARRAY['free', 'free', 'basic', 'pro'])[1 + i % 4]::plan, i % 10 <> 0,
       ARRAY['tag' || i % 5, 'tag' || i % 50],
       jsonb_build_object('city', 'city' || i % 20, 'age', 20 + i % 50, 'address', jsonb_build_object('zip', (10000 + i % 90)::text)),
       ('10.0.' || i % 250 || '.' || i % 200)::inet, md5(i::text)::uuid, (ARRAY['de', 'fr', 'it'])[1 + i % 3],
       '2020-01-01'::date + i % 1500, to_tsvector('simple', 'hello word' || i % 30)
FROM generate_series(1, 3000) i;

INSERT INTO app.orders
SELECT i, 1 + i * 7 % 3000, CASE WHEN i % 1000 = 0 THEN 'failed''s' WHEN i % 50 = 0 THEN 'pending' ELSE 'done' END,
       (i * 37 % 100000) / 100.0, ((i * 37 % 100000) / 100.0)::numeric::money,
       '2023-01-01 00:00+00'::timestamptz + i * interval '40 minutes',
       '2023-01-02'::timestamp + i * interval '40 minutes', 1 + i % 9, (i % 1000) / 1000.0,
       daterange('2023-01-01'::date + i % 300, '2023-01-08'::date + i % 300), '08:00'::time + i % 600 * interval '1 minute',
       i % 90 * interval '1 minute', decode(md5(i::text), 'hex'),
       jsonb_build_array(jsonb_build_object('sku', 'sku' || i % 40, 'count', i % 5)), ARRAY[i % 10, i % 100],
       CASE WHEN i % 3 = 0 THEN 'Note about "thing ' || i % 200 || '" \ here' END
FROM generate_series(1, 20000) i;

INSERT INTO "Weird Table" SELECT i, 'it''s \ ' || i % 40, i % 5 FROM generate_series(1, 500) i;
INSERT INTO events SELECT i, 'kind' || i % 12, '2023-01-01'::timestamptz + i * interval '3 hours' FROM generate_series(1, 5000) i;

CREATE VIEW open_orders AS SELECT o.*, c.email FROM app.orders o JOIN customers c ON c.id = o.customer_id WHERE o.status <> 'done';
ANALYZE;
