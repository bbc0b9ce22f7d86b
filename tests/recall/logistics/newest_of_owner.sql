SELECT s.* FROM scans s WHERE s.shipment_id = 4711 ORDER BY s.scanned_at DESC FETCH FIRST 5 ROWS ONLY
