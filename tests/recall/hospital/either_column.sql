SELECT duty_id, ward_no, begins_at FROM duty WHERE physician = 'dr17' OR deputy = 'dr17'
