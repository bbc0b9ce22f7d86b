SELECT ward_no, admission_id, place
FROM (
    SELECT ward_no, admission_id, rank() OVER (PARTITION BY ward_no ORDER BY discharged_at - admitted_at DESC) AS place
    FROM admission
) AS ranked
WHERE place <= 3
