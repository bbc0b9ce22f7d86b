SELECT order_no, panel, stage
FROM lab_order
WHERE patient_id = 'a72da9fa-9a36-86ef-a9dc-9a9ae77ac0e9' AND voided_at IS NULL
