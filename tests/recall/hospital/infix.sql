SELECT note_id, author FROM clinical_note WHERE body ILIKE '%sepsis visit 30%'
