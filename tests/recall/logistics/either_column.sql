SELECT id, tracking_no, state
FROM shipments
WHERE sender_code = 'C99' OR receiver_code = 'C99'
ORDER BY created_at DESC
