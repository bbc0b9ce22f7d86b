SELECT count(*) FROM shipments WHERE labels && ARRAY['hazard', 'explosive']
