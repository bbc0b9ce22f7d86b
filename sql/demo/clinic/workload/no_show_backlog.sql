-- Which missed visits has nobody looked at?
-- weight: 10
-- sends: literals
-- bind: []
SELECT appointment_no, patient_no, scheduled_for
  FROM clinic.appointments
 WHERE state = 'no_show_review'
 ORDER BY scheduled_for
 LIMIT 40
