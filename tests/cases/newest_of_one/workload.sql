-- calls: 20
SELECT * FROM messages WHERE user_id = 7 ORDER BY sent_at DESC LIMIT 10;
