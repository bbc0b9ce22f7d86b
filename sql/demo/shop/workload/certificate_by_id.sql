-- Is this certificate genuine? (Public page.)
-- weight: 6
-- sends: parameters
-- bind: ["3a747147-4ab2-132b-65d1-df36fdb58bc0"]
-- bind: ["00000000-0000-0000-0000-000000000000"]
SELECT id, user_id, course_id, completed_at
  FROM shop.enrolments
 WHERE certificate_id = %s
