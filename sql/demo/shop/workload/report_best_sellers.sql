-- The best-selling courses of every category (window function; reads everything).
-- weight: 1
-- sends: literals
-- bind: [3]
SELECT category, title, sold
  FROM (SELECT c.category, c.title, sum(i.quantity) AS sold,
               rank() OVER (PARTITION BY c.category ORDER BY sum(i.quantity) DESC) AS place
          FROM shop.order_items i
          JOIN shop.courses c ON c.id = i.course_id
         GROUP BY c.category, c.title) AS ranked
 WHERE place <= %s
 ORDER BY category, place
