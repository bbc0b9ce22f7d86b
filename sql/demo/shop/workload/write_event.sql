-- Log one event.
-- weight: 40
-- sends: parameters
-- bind: [17, 377, "video_play", "2026-06-30 00:00:01+00", "{\"session_id\": \"fresh-1\", \"device\": \"web\", \"ms\": 12}"]
-- bind: [4201, null, "page_view", "2026-06-30 00:00:02+00", "{\"session_id\": \"fresh-2\", \"device\": \"ios\", \"ms\": 3}"]
INSERT INTO shop.behavior_logs (user_id, course_id, event_type, occurred_at, payload)
VALUES (%s, %s, %s, %s, %s)
