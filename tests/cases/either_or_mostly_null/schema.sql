-- A customer by mail, or by a coupon that hardly anybody has: the second index needs few rows.
CREATE TABLE customers (
    id int PRIMARY KEY,
    email text NOT NULL,
    coupon text,
    about text NOT NULL
);

INSERT INTO customers
SELECT i, 'user' || i || '@example.com', CASE WHEN i % 40 = 0 THEN 'C' || (i * 7919) % 1000000 END,
       repeat('a', 60)
FROM generate_series(1, 30000) AS i;

VACUUM ANALYZE customers;
