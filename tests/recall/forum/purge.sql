DELETE FROM login_session WHERE last_seen < '2024-01-10'::timestamptz
