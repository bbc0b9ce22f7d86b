SELECT iban, balance FROM account WHERE product = 'savings' AND currency = 'USD' AND customer_no = 2408
