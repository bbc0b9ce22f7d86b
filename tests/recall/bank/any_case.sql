SELECT c.customer_no, c.legal_name FROM customer AS c WHERE upper(c.login) = upper('login.312')
