SELECT p.iban, p.merchant, p.amount, p.paid_at
FROM card_payment p
WHERE p.paid_at = (SELECT max(q.paid_at) FROM card_payment q WHERE q.iban = p.iban)
  AND p.iban IN ('DE0000000014', 'DE0000000027')
