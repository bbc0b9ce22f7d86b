SELECT patient_id, surname, insurance FROM patient WHERE insurance ->> 'policy' = 'P1234'
