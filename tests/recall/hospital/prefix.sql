SELECT patient_id, surname, given_name, born FROM patient WHERE surname LIKE 'Dietrich12%' ORDER BY surname, given_name
