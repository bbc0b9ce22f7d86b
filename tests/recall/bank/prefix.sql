SELECT customer_no, legal_name FROM customer WHERE legal_name LIKE 'Emmy a%' AND segment = 'business'
