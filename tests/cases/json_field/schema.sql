-- One field of a document is what it is looked up by.
CREATE TABLE webhooks (
    id int PRIMARY KEY,
    payload jsonb NOT NULL
);

INSERT INTO webhooks
SELECT i, jsonb_build_object('order_no', 'A' || i, 'kind', 'paid', 'filler', repeat('f', 60))
FROM generate_series(1, 20000) AS i;

VACUUM ANALYZE webhooks;
