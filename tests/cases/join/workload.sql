-- calls: 20
SELECT o.* FROM customers AS c JOIN orders AS o ON o.customer_id = c.id WHERE c.email = 'user77@example.com';
