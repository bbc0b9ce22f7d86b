-- calls: 10
SELECT id, name FROM companies WHERE name ILIKE '%c4ca42%';
