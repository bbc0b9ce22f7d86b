SELECT id, consignee, depot_code FROM shipments WHERE consignee LIKE '%Sons 47%' ORDER BY created_at DESC LIMIT 30
