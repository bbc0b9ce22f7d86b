-- calls: 20
SELECT id FROM webhooks WHERE payload ->> 'order_no' = 'A77';
