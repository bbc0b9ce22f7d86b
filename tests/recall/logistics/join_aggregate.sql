SELECT s.tracking_no, count(i.id), max(i.reported_at)
FROM shipments s, incidents i
WHERE i.shipment_id = s.id AND s.tracking_no = 'TRK00007907'
GROUP BY s.tracking_no
