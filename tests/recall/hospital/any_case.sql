SELECT patient_id, surname, given_name FROM patient WHERE lower(mail) = lower('PERSON41@mail.example')
