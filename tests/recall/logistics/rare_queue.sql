SELECT id, topic, body FROM outbox WHERE NOT sent ORDER BY id LIMIT 100
