SELECT count(*) FROM admission WHERE date_trunc('day', admitted_at AT TIME ZONE 'UTC') = '2023-05-04'
