-- calls: 20
SELECT * FROM billing.invoices WHERE number = 'INV-77';
