-- The statement names a view of a view; the index belongs to the table below.
CREATE TABLE subscriptions (
    id int PRIMARY KEY,
    account_id int NOT NULL,
    cancelled boolean NOT NULL,
    about text NOT NULL
);

CREATE VIEW current_subscriptions AS
SELECT id, account_id AS account, about FROM subscriptions WHERE NOT cancelled;

CREATE VIEW short_subscriptions AS
SELECT id, account AS owner, left(about, 10) AS about FROM current_subscriptions;

INSERT INTO subscriptions
SELECT i, (i * 7919) % 4000, i % 20 = 0, repeat('a', 80)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE subscriptions;
