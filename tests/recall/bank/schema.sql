-- A bank: accounts by IBAN, transfers by UUID, customers by number.
CREATE TABLE customer (
    customer_no bigint PRIMARY KEY,
    legal_name text NOT NULL,
    login text NOT NULL,
    segment text NOT NULL,
    kyc json NOT NULL,
    closed_at date
);
CREATE TABLE account (
    iban text PRIMARY KEY,
    customer_no bigint NOT NULL REFERENCES customer,
    product text NOT NULL,
    currency text NOT NULL,
    balance numeric(14, 2) NOT NULL,
    risk_flags text[] NOT NULL,
    blocked_since timestamptz
);
CREATE TABLE transfer (
    transfer_id uuid PRIMARY KEY,
    debit_iban text NOT NULL REFERENCES account,
    credit_iban text NOT NULL REFERENCES account,
    amount numeric(14, 2) NOT NULL,
    purpose text NOT NULL,
    end_to_end text NOT NULL,
    status text NOT NULL,
    booked_at timestamptz NOT NULL
);
CREATE TABLE card_payment (
    payment_no bigint PRIMARY KEY,
    iban text NOT NULL REFERENCES account,
    merchant text NOT NULL,
    amount numeric(10, 2) NOT NULL,
    paid_at timestamptz NOT NULL
);
CREATE TABLE journal (
    entry_no bigint PRIMARY KEY,
    actor text NOT NULL,
    action text NOT NULL,
    logged_at timestamptz NOT NULL
);
CREATE TABLE interest_rate (
    rate_no bigint PRIMARY KEY,
    product text NOT NULL,
    applies_from date NOT NULL,
    applies_until date NOT NULL,
    percent numeric(6, 3) NOT NULL
);
CREATE TABLE one_time_code (
    code_no bigint PRIMARY KEY,
    customer_no bigint NOT NULL REFERENCES customer,
    digits text NOT NULL,
    valid_until timestamptz NOT NULL
);
INSERT INTO customer
SELECT
    n, (ARRAY['Ada', 'Blaise', 'Carl', 'Emmy', 'Kurt'])[1 + n % 5] || ' ' || md5(n::text), 'Login.' || n,
    CASE WHEN n % 90 = 0 THEN 'private' WHEN n % 3 = 0 THEN 'business' ELSE 'retail' END,
    json_build_object('passport', 'PA' || n, 'level', n % 3),
    CASE WHEN n % 10 = 0 THEN date '2022-01-01' + n % 700 END
FROM generate_series(1, 5000) AS n;
INSERT INTO account
SELECT
    'DE' || lpad(n::text, 10, '0'), 1 + (n * 7) % 5000,
    (ARRAY['current', 'savings', 'loan', 'depot'])[1 + n % 4],
    CASE WHEN n % 20 = 0 THEN 'USD' WHEN n % 45 = 1 THEN 'CHF' ELSE 'EUR' END,
    (n * 7919) % 100000, CASE WHEN n % 70 = 0 THEN ARRAY['pep', 'manual'] ELSE '{}' END,
    CASE WHEN n % 30 = 0 THEN timestamptz '2023-01-01' + n * interval '1 hour' END
FROM generate_series(1, 9000) AS n;
INSERT INTO transfer
SELECT
    md5('transfer' || n)::uuid, 'DE' || lpad((1 + (n * 11) % 9000)::text, 10, '0'),
    'DE' || lpad((1 + (n * 37) % 9000)::text, 10, '0'), (n * 31) % 5000,
    (ARRAY['rent', 'salary', 'invoice', 'refund for order'])[1 + n % 4] || ' ' || n
        || CASE WHEN n % 400 = 0 THEN ' cryptocurrency exchange' ELSE '' END,
    'E2E' || (n * 6151) % 1000000,
    CASE WHEN n % 180 = 0 THEN 'held' WHEN n % 50 = 0 THEN 'returned' ELSE 'settled' END,
    timestamptz '2023-01-01' + n * interval '17 minutes'
FROM generate_series(1, 25000) AS n;
INSERT INTO card_payment
SELECT n, 'DE' || lpad((1 + (n * 13) % 9000)::text, 10, '0'), 'Shop ' || n % 1200, (n * 19) % 800,
    timestamptz '2023-05-01' + n * interval '13 minutes'
FROM generate_series(1, 18000) AS n;
INSERT INTO journal
SELECT n, 'clerk' || n % 70, (ARRAY['view', 'edit', 'approve'])[1 + n % 3], timestamptz '2024-01-01' + n * interval '1 minute'
FROM generate_series(1, 35000) AS n;
INSERT INTO interest_rate
SELECT n, 'product ' || n % 25, date '2015-01-01' + n, date '2015-03-01' + n, n % 7
FROM generate_series(1, 3500) AS n;
INSERT INTO one_time_code
SELECT n, 1 + n % 5000, lpad(((n * 7717) % 1000000)::text, 6, '0'), timestamptz '2024-01-01' + n * interval '4 minutes'
FROM generate_series(1, 8000) AS n;
