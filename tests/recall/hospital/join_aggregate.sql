SELECT p.surname, count(*) AS stays
FROM patient AS p
JOIN admission AS a ON a.patient_id = p.patient_id
WHERE p.practice_ref = 'PR-7919'
GROUP BY p.surname
