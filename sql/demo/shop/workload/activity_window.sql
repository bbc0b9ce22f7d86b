-- How busy were the two hours before this moment? (Dashboard.)
-- weight: 6
-- sends: literals
-- bind: ["2026-06-29 12:00+00", "2026-06-29 12:00+00"]
-- bind: ["2026-05-04 20:00+00", "2026-05-04 20:00+00"]
SELECT count(*) AS events, count(DISTINCT user_id) AS learners
  FROM shop.behavior_logs
 WHERE occurred_at >= timestamptz %s - interval '2 hours'
   AND occurred_at < timestamptz %s
