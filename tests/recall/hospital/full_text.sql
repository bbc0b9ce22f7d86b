SELECT note_id, written_at
FROM clinical_note
WHERE to_tsvector('english', body) @@ plainto_tsquery('english', 'suspected sepsis')
