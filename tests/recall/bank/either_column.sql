SELECT t.transfer_id, t.amount, t.booked_at
FROM transfer AS t
WHERE t.debit_iban = 'DE0000000777' OR t.credit_iban = 'DE0000000777'
ORDER BY t.booked_at DESC
LIMIT 50
