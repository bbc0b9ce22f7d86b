-- The learner's courses, newest first.
-- weight: 40
-- sends: parameters
-- bind: [17]
-- bind: [2048]
-- bind: [26000]
SELECT e.id, e.progress, e.status, c.title
  FROM shop.enrolments e
  JOIN shop.courses c ON c.id = e.course_id
 WHERE e.user_id = %s
 ORDER BY e.started_at DESC
 LIMIT 20
