-- Who finished one of these courses lately?
-- weight: 4
-- sends: literals
-- bind: [901, 902, 1544, 2020, "2026-03-01 00:00+00"]
-- bind: [3100, 3200, 3300, 5999, "2025-06-01 00:00+00"]
SELECT user_id, course_id, completed_at
  FROM shop.enrolments
 WHERE course_id IN (%s, %s, %s, %s)
   AND completed_at >= %s
 ORDER BY completed_at DESC
