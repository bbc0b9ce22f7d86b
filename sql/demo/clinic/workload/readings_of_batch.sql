-- Which readings came in this transmission?
-- weight: 10
-- sends: parameters
-- bind: ["b3700"]
-- bind: ["none"]
SELECT taken_at, kind, sample
  FROM clinic.device_readings
 WHERE sample->>'batch' = %s
 ORDER BY taken_at
