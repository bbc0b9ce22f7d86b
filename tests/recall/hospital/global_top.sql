SELECT vital_id, admission_id, pulse FROM vital_sign ORDER BY pulse DESC LIMIT 10
