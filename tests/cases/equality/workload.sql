-- calls: 20
SELECT * FROM orders WHERE customer_id = 7;
