-- Active learners of one country (through the view).
-- weight: 4
-- sends: parameters
-- bind: ["IS", 80]
-- bind: ["IS", 50]
SELECT id, name, course_id, progress
  FROM shop.active_learners
 WHERE country = %s
   AND progress > %s
