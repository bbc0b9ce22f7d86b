-- A device sends a reading.
-- weight: 20
-- sends: parameters
-- bind: [17, "pulse", "2026-06-10 00:00:01+00", "{\"batch\": \"fresh\", \"value\": 70}"]
INSERT INTO clinic.device_readings (patient_no, kind, taken_at, sample)
VALUES (%s, %s, %s, %s)
