SELECT transfer_id, debit_iban, amount, booked_at
FROM transfer
WHERE status = 'held'
ORDER BY booked_at
LIMIT 25
