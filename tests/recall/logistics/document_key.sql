SELECT s.id, s.tracking_no, s.state
FROM shipments AS s
WHERE s.attributes ->> 'customs_ref' IN ('X17', 'X18')
ORDER BY s.id
