-- What happened during this visit?
-- weight: 10
-- sends: parameters
-- bind: ["e8b02957b417d476f494"]
-- bind: ["2625a9fd916797c6075a"]
-- bind: ["not-a-visit"]
SELECT occurred_at, event_type, payload
  FROM shop.behavior_logs
 WHERE payload->>'session_id' = %s
 ORDER BY occurred_at
