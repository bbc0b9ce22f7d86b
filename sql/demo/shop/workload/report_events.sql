-- How long do events take, by type? (Reads everything.)
-- weight: 1
-- sends: literals
-- bind: []
SELECT event_type, count(*) AS events, avg((payload->>'ms')::numeric) AS average_ms
  FROM shop.behavior_logs
 GROUP BY event_type
