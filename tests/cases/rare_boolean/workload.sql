-- calls: 20
SELECT * FROM outbox WHERE NOT sent ORDER BY id LIMIT 20;
