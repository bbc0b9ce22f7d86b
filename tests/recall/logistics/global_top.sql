SELECT id, tracking_no, weight_kg FROM shipments ORDER BY weight_kg DESC, id FETCH FIRST 20 ROWS ONLY
