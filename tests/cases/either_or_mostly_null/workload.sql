-- calls: 20
SELECT * FROM customers WHERE email = 'user77@example.com' OR coupon = 'C316760';
