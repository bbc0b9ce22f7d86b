-- An account's balance: hundreds of narrow values, each in a wide row on another page.
CREATE TABLE payments (
    id bigint PRIMARY KEY,
    account_id int NOT NULL,
    amount int NOT NULL,
    receipt text NOT NULL
);

INSERT INTO payments
SELECT i, (i * 7919) % 100, i % 1000, repeat('r', 300)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE payments;
