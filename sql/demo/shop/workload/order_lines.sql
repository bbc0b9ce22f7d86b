-- What is in this order?
-- weight: 20
-- sends: parameters
-- bind: [5]
-- bind: [25001]
-- bind: [49000]
SELECT i.quantity, i.unit_price, c.title
  FROM shop.order_items i
  JOIN shop.courses c ON c.id = i.course_id
 WHERE i.order_id = %s
