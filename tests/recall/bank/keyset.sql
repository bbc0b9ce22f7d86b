SELECT payment_no, merchant, amount, paid_at
FROM card_payment
WHERE ROW(paid_at, payment_no) < ROW('2023-08-15 12:00'::timestamptz, 11700)
ORDER BY paid_at DESC, payment_no DESC
LIMIT 40
