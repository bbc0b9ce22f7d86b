SELECT iban, product, currency, balance FROM account WHERE customer_no = 1408 AND blocked_since IS NULL
