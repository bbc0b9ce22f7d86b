-- What did this learner do lately?
-- weight: 15
-- sends: parameters
-- bind: [1, "2026-06-01 00:00+00"]
-- bind: [12, "2026-04-15 00:00+00"]
-- bind: [23456, "2026-05-01 00:00+00"]
SELECT event_type, occurred_at, payload
  FROM shop.behavior_logs
 WHERE user_id = %s
   AND occurred_at >= %s
 ORDER BY occurred_at DESC
 LIMIT 50
