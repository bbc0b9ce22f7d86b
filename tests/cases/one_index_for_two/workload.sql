-- calls: 20
SELECT * FROM transfers WHERE account_id = 77;

-- calls: 20
SELECT * FROM transfers WHERE account_id = 77 ORDER BY made_at DESC LIMIT 5;
