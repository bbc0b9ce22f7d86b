SELECT a.iban, a.balance
FROM account a
WHERE a.product = 'loan' AND a.currency = 'CHF'
  AND NOT EXISTS (SELECT FROM transfer t WHERE t.debit_iban = a.iban AND t.amount > 10)
