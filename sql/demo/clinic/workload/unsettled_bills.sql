-- Which bills are not settled? (Reminder job.)
-- weight: 5
-- sends: literals
-- bind: []
SELECT bill_no, patient_no, amount
  FROM clinic.bills
 WHERE settled_at IS NULL
 ORDER BY issued_at
 LIMIT 50
