SELECT iban, customer_no, balance FROM account WHERE risk_flags @> ARRAY['pep', 'manual'] AND balance > 100
