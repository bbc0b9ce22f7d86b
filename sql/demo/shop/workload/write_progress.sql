-- The learner got a little further.
-- weight: 25
-- sends: parameters
-- bind: [35, 1001]
-- bind: [60, 54321]
-- bind: [95, 99000]
UPDATE shop.enrolments
   SET progress = %s
 WHERE id = %s
