SELECT t.transfer_id, t.purpose, t.amount FROM transfer t WHERE t.purpose LIKE '%order 13%' LIMIT 100
