-- calls: 20
SELECT * FROM contacts WHERE email = 'user77@example.com' OR phone = '+4977';
