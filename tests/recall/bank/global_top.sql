SELECT transfer_id, amount, booked_at FROM transfer ORDER BY amount DESC LIMIT 100
