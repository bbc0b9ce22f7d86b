-- calls: 20
SELECT * FROM visits WHERE came_at::date = '2025-05-05';
