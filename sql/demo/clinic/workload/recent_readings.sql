-- What did this patient's devices send lately?
-- weight: 15
-- sends: parameters
-- bind: [1, "2026-05-01 00:00+00"]
-- bind: [3000, "2026-03-15 00:00+00"]
SELECT kind, taken_at, sample
  FROM clinic.device_readings
 WHERE patient_no = %s
   AND taken_at >= %s
 ORDER BY taken_at DESC
 LIMIT 50
