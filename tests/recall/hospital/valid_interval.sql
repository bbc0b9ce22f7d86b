SELECT physician, ward_no FROM duty WHERE begins_at <= '2024-03-01 12:00' AND ends_at > '2024-03-01 12:00'
