-- Parcels: bigint identities, depots by a code, no time zones.
CREATE TABLE depots (
    code text PRIMARY KEY,
    city text NOT NULL,
    region integer NOT NULL
);
CREATE TABLE shipments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tracking_no text NOT NULL,
    depot_code text NOT NULL REFERENCES depots (code),
    sender_code text NOT NULL,
    receiver_code text NOT NULL,
    consignee text NOT NULL,
    contact_email text NOT NULL,
    state text NOT NULL,
    service text NOT NULL,
    attributes jsonb NOT NULL,
    labels text[] NOT NULL,
    weight_kg numeric(8, 2) NOT NULL,
    created_at timestamp NOT NULL,
    removed_on timestamp
);
CREATE TABLE scans (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shipment_id bigint NOT NULL REFERENCES shipments,
    place text NOT NULL,
    device smallint NOT NULL,
    scanned_at timestamp NOT NULL
);
CREATE TABLE trips (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plate text NOT NULL,
    depot_code text NOT NULL REFERENCES depots (code),
    driver text NOT NULL,
    kilometres integer NOT NULL,
    departed_at timestamp NOT NULL
);
CREATE TABLE incidents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shipment_id bigint NOT NULL REFERENCES shipments,
    remark text NOT NULL,
    remark_words tsvector GENERATED ALWAYS AS (to_tsvector('simple', remark)) STORED,
    reported_at timestamp NOT NULL
);
CREATE TABLE tariffs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    carrier text NOT NULL,
    zone integer NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    price numeric(10, 2) NOT NULL
);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    sent boolean NOT NULL,
    body text NOT NULL,
    keep_until timestamp NOT NULL
);
INSERT INTO depots SELECT 'D' || n, 'City ' || n, n % 8 FROM generate_series(100, 139) AS n;
INSERT INTO shipments (
    tracking_no, depot_code, sender_code, receiver_code, consignee, contact_email, state, service,
    attributes, labels, weight_kg, created_at, removed_on
)
SELECT
    'TRK' || lpad(((n * 7907) % 1000000)::text, 8, '0'),
    'D' || 100 + n % 40,
    'C' || (n * 13) % 700,
    'C' || (n * 29) % 700,
    (ARRAY['Baker', 'Cooper', 'Fletcher', 'Mason', 'Sawyer', 'Weaver'])[1 + n % 6] || ' & Sons ' || n % 900,
    'Goods.In' || n % 4000 || '@Firm.example',
    CASE WHEN n % 250 = 0 THEN 'stuck' WHEN n % 7 = 0 THEN 'moving' ELSE 'delivered' END,
    (ARRAY['standard', 'express', 'bulk', 'overnight'])[1 + n % 4],
    jsonb_build_object('customs_ref', 'X' || n % 5000, 'fragile', n % 9 = 0),
    CASE WHEN n % 60 = 0 THEN ARRAY['hazard', 'cold'] WHEN n % 4 = 0 THEN ARRAY['return'] ELSE ARRAY['plain'] END,
    ((n * 97) % 4000) / 10.0,
    timestamp '2023-01-01' + n * interval '11 minutes',
    CASE WHEN n % 12 = 0 THEN timestamp '2023-02-01' + n * interval '11 minutes' END
FROM generate_series(1, 20000) AS n;
INSERT INTO scans (shipment_id, place, device, scanned_at)
SELECT 1 + (n * 11) % 20000, 'gate ' || n % 90, n % 300, timestamp '2024-01-01' + n * interval '70 seconds'
FROM generate_series(1, 40000) AS n;
INSERT INTO trips (plate, depot_code, driver, kilometres, departed_at)
SELECT 'AB-' || n % 150, 'D' || 100 + n % 40, 'driver' || n % 200, 20 + (n * 41) % 900, timestamp '2023-01-01' + n * interval '1 hour'
FROM generate_series(1, 9000) AS n;
INSERT INTO incidents (shipment_id, remark, reported_at)
SELECT
    1 + (n * 3) % 20000,
    (ARRAY['label torn off', 'address unknown', 'box wet', 'refused at the door'])[1 + n % 4]
        || CASE WHEN n % 150 = 0 THEN ' leaking battery' ELSE '' END || ' case ' || n,
    timestamp '2023-03-01' + n * interval '2 hours'
FROM generate_series(1, 5000) AS n;
INSERT INTO tariffs (carrier, zone, valid_from, valid_to, price)
SELECT 'carrier ' || n % 15, n % 40, date '2018-01-01' + n / 3, date '2018-01-31' + n / 3, n % 90
FROM generate_series(1, 6000) AS n;
INSERT INTO outbox (topic, sent, body, keep_until)
SELECT 'topic ' || n % 5, n % 400 <> 0, 'message ' || n, timestamp '2024-01-01' + n * interval '10 minutes'
FROM generate_series(1, 12000) AS n;
