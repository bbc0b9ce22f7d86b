-- calls: 20
SELECT * FROM orders WHERE customer_id = 77;

-- calls: 20
SELECT * FROM orders WHERE customer_id = 77 ORDER BY ordered_at DESC LIMIT 5;

-- calls: 20
SELECT * FROM orders WHERE reference = 'R77';

-- calls: 20
SELECT * FROM orders WHERE lower(email) = 'user77';

-- calls: 20
SELECT * FROM orders WHERE id = 77;
