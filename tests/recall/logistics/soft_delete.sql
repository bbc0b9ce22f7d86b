SELECT id, tracking_no, state, weight_kg
FROM shipments
WHERE removed_on IS NULL AND consignee = 'Mason & Sons 33'
