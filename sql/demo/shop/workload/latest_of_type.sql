-- The newest events of one type. One of the types stopped occurring long ago.
-- weight: 6
-- sends: parameters
-- bind: ["payment_error"]
-- bind: ["video_play"]
-- bind: ["legacy_player_error"]
-- bind: ["login"]
SELECT id, user_id, occurred_at, payload
  FROM shop.behavior_logs
 WHERE event_type = %s
 ORDER BY occurred_at DESC
 LIMIT 20
