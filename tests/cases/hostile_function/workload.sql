-- calls: 5
SELECT * FROM ledger WHERE account_id = (SELECT harmless());

-- calls: 20
SELECT * FROM ledger WHERE account_id = 7;

TRUNCATE touched;
