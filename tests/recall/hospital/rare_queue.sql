SELECT order_no, patient_id, panel
FROM lab_order
WHERE stage = 'waiting'
ORDER BY ordered_at
LIMIT 50
