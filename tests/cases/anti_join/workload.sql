-- calls: 20
SELECT c.* FROM customers AS c
WHERE c.town = 77 AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.customer_id = c.id);
