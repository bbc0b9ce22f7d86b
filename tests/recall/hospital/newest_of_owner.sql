SELECT note_id, author, body, written_at
FROM clinical_note
WHERE patient_id = '7d0db380-a5b9-5a8b-a1da-0bca241abda1'
ORDER BY written_at DESC
LIMIT 20
