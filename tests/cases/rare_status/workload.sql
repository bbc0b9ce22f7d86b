-- calls: 20
SELECT * FROM jobs WHERE status = 'queued' ORDER BY queued_at;
