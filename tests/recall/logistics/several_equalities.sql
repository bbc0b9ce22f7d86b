SELECT count(*) FROM shipments WHERE depot_code = 'D110' AND service = 'bulk' AND state = 'moving'
