-- calls: 20
SELECT sum(amount) FROM payments WHERE account_id = 7;
