SELECT id, subject FROM thread WHERE subject ILIKE '%topic 77%'
