SELECT duty_id, physician, begins_at
FROM duty
WHERE ward_no = 7 AND grade = 'senior' AND physician = 'dr30'
