-- Names that begin like this (reception).
-- weight: 8
-- sends: literals
-- bind: ["Tilda Ze%"]
-- bind: ["Hugo Wol%"]
SELECT patient_no, full_name
  FROM clinic.patients
 WHERE full_name LIKE %s
 ORDER BY full_name
 LIMIT 10
