-- calls: 20
SELECT * FROM shop_totals WHERE shop_id = 77;
