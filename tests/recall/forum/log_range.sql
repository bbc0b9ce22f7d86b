SELECT count(DISTINCT member_id) FROM click WHERE happened_at > '2024-01-12' AND happened_at <= '2024-01-12 06:00'
