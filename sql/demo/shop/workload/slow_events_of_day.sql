-- Which answers took long on this day?
-- weight: 4
-- sends: parameters
-- bind: ["2026-06-20 00:00+00", "2026-06-20 00:00+00", 1500]
-- bind: ["2026-04-10 00:00+00", "2026-04-10 00:00+00", 1900]
SELECT id, course_id, payload->>'page' AS page
  FROM shop.behavior_logs
 WHERE occurred_at >= %s
   AND occurred_at < %s::timestamptz + interval '1 day'
   AND (payload->>'ms')::numeric > %s
