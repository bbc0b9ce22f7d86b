-- calls: 20
SELECT * FROM accounts WHERE old_number = 2250;
