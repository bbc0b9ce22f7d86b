SELECT p.patient_id, p.surname
FROM patient p
WHERE p.born < '1940-01-01'
  AND NOT EXISTS (SELECT 1 FROM clinical_note n WHERE n.patient_id = p.patient_id)
