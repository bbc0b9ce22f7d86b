-- Who signs in to the portal?
-- weight: 20
-- sends: parameters
-- bind: ["RITA_greco2@mail2.example"]
-- bind: ["Nobody@mail.example"]
SELECT patient_no, full_name
  FROM clinic.patients
 WHERE lower(contact_mail) = lower(%s)
