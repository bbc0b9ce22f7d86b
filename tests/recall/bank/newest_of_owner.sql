SELECT payment_no, merchant, amount, paid_at
FROM card_payment
WHERE iban = 'DE0000001234'
ORDER BY paid_at DESC
LIMIT 15
