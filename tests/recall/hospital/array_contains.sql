SELECT surname, given_name, allergies FROM patient WHERE allergies @> ARRAY['penicillin']
