-- One patient, for nearly every page (N+1).
-- weight: 60
-- sends: parameters
-- bind: [17]
-- bind: [9001]
SELECT patient_no, full_name, region, insurance
  FROM clinic.patients
 WHERE patient_no = %s
