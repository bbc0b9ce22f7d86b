SELECT count(*), board_id FROM thread GROUP BY board_id HAVING count(*) > 300
