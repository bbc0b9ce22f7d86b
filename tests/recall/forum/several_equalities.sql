SELECT id, subject FROM thread WHERE board_id = 9 AND locked = true AND author_id = 5320
