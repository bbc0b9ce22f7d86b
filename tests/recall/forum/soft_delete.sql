SELECT id, subject, views FROM thread WHERE author_id = 1502 AND deleted_at IS NULL ORDER BY id
