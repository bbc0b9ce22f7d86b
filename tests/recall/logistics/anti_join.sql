SELECT s.id, s.tracking_no
FROM shipments s
LEFT JOIN incidents i ON i.shipment_id = s.id
WHERE i.id IS NULL AND s.service = 'overnight' AND s.state = 'stuck'
