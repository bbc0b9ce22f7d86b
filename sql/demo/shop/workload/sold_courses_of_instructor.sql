-- Which courses of this instructor were ever sold in a group licence?
-- weight: 5
-- sends: parameters
-- bind: [40]
-- bind: [3080]
-- bind: [20000]
SELECT c.id, c.title
  FROM shop.courses c
 WHERE c.instructor_id = %s
   AND EXISTS (SELECT 1
                 FROM shop.order_items i
                WHERE i.course_id = c.id
                  AND i.quantity > 1)
