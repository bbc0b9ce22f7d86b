-- What is on this bill?
-- weight: 15
-- sends: parameters
-- bind: [40]
-- bind: [9500]
SELECT l.doses, m.brand, m.unit_cost
  FROM clinic.bill_lines l
  JOIN clinic.medicines m ON m.medicine_no = l.medicine_no
 WHERE l.bill_no = %s
