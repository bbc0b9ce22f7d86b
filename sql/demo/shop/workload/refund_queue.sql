-- Who waits for a refund the longest? (One enrolment in a thousand waits.)
-- weight: 10
-- sends: literals
-- bind: []
SELECT id, user_id, course_id, started_at
  FROM shop.enrolments
 WHERE status = 'pending_refund'
 ORDER BY started_at
 LIMIT 50
