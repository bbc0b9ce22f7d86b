-- calls: 20
SELECT * FROM old_orders WHERE customer_id = 7;

DROP TABLE old_orders;
