UPDATE login_session SET last_seen = '2024-03-01' WHERE device_key = 'dev7142'
