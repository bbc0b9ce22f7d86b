-- How far are the learners of this course? (Instructor's page.)
-- weight: 12
-- sends: parameters
-- bind: [40]
-- bind: [777]
-- bind: [5459]
SELECT count(*) AS learners, avg(progress) AS progress
  FROM shop.enrolments
 WHERE course_id = %s
   AND status = 'active'
