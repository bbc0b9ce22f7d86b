-- All readings by kind (reads everything, whatever the indexes).
-- weight: 1
-- sends: literals
-- bind: []
SELECT kind, count(*) AS readings, avg((sample->>'value')::numeric) AS average
  FROM clinic.device_readings
 GROUP BY kind
