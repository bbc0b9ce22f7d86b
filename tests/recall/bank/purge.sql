DELETE FROM one_time_code WHERE valid_until < '2024-01-05 00:00+00'
