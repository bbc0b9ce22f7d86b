-- The patient's visits, newest first.
-- weight: 20
-- sends: parameters
-- bind: [11, 10]
-- bind: [8000, 10]
SELECT appointment_no, doctor, state, scheduled_for
  FROM clinic.appointments
 WHERE patient_no = %s
 ORDER BY scheduled_for DESC
 LIMIT %s
