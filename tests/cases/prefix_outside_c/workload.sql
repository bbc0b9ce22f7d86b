-- calls: 20
SELECT * FROM products WHERE name LIKE 'c4ca%';
