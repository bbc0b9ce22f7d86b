SELECT date_trunc('hour', happened_at) AS hour, count(*)
FROM click
WHERE date_trunc('day', happened_at) = '2024-01-09'
GROUP BY 1
