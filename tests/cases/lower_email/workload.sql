-- calls: 20
SELECT id, about FROM users WHERE lower(email) = 'user77@example.com';
