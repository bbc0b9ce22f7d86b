SELECT a.iban, sum(p.amount) AS spent, count(*)
FROM account a
JOIN card_payment p ON p.iban = a.iban
WHERE a.customer_no = 1408
GROUP BY a.iban
