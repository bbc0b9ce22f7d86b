-- calls: 20
SELECT * FROM jobs WHERE status = 'queued' ORDER BY queued_at;

-- calls: 20
SELECT * FROM parcels WHERE shipped_at IS NULL ORDER BY id;
