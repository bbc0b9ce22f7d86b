SELECT place, count(*)
FROM scans
WHERE scanned_at BETWEEN '2024-01-10' AND '2024-01-11'
GROUP BY place
