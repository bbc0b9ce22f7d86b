-- How much came in during the hour before this moment?
-- weight: 5
-- sends: literals
-- bind: ["2026-05-20 12:00+00", "2026-05-20 12:00+00"]
-- bind: ["2026-03-09 07:00+00", "2026-03-09 07:00+00"]
SELECT count(*) AS readings, count(DISTINCT patient_no) AS patients
  FROM clinic.device_readings
 WHERE taken_at >= timestamptz %s - interval '1 hour'
   AND taken_at < timestamptz %s
