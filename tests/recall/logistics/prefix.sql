SELECT id, tracking_no, consignee FROM shipments WHERE tracking_no LIKE 'TRK000079%' LIMIT 10
