-- calls: 100
SELECT * FROM currencies WHERE name = 'currency 7';
