SELECT admission_id, patient_id, admitted_at
FROM admission
WHERE (admitted_at, admission_id) < ('2023-03-01', 6700)
ORDER BY admitted_at DESC, admission_id DESC
LIMIT 25
