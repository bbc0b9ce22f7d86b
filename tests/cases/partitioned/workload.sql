-- calls: 20
SELECT * FROM measurements WHERE sensor_id = 77;
