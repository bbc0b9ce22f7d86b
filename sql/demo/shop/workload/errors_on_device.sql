-- Which events carry these facts? (Support searches the payload.)
-- weight: 3
-- sends: parameters
-- bind: ["{\"device\": \"tv\"}"]
-- bind: ["{\"code\": \"E42\"}"]
-- bind: ["{\"device\": \"tv\", \"page\": \"/lesson/1\"}"]
SELECT id, user_id, event_type, occurred_at
  FROM shop.behavior_logs
 WHERE payload @> %s
 ORDER BY occurred_at DESC
