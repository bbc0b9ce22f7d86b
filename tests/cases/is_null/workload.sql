-- calls: 20
SELECT * FROM parcels WHERE shipped_at IS NULL;
