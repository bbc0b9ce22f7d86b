SELECT a.admission_id, a.ward_no, a.admitted_at
FROM admission a
WHERE a.patient_id = 'a72da9fa-9a36-86ef-a9dc-9a9ae77ac0e9'
  AND a.admitted_at = (SELECT max(b.admitted_at) FROM admission b WHERE b.patient_id = a.patient_id)
