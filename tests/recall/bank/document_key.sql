SELECT customer_no, legal_name, segment FROM customer WHERE kyc ->> 'passport' = 'PA4242'
