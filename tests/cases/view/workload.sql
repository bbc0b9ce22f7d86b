-- calls: 20
SELECT * FROM short_subscriptions WHERE owner = 77;
