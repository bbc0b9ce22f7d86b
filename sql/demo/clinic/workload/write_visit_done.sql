-- The visit is over.
-- weight: 8
-- sends: parameters
-- bind: ["done", 777]
-- bind: ["done", 29000]
UPDATE clinic.appointments
   SET state = %s
 WHERE appointment_no = %s
