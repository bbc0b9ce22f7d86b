-- A patient remembers a part of the address only.
-- weight: 4
-- sends: parameters
-- bind: ["%wolf77%"]
-- bind: ["%zeman119%"]
SELECT patient_no, full_name
  FROM clinic.patients
 WHERE contact_mail ILIKE %s
 LIMIT 20
