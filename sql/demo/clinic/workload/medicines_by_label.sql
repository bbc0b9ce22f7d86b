-- The medicines with this label.
-- weight: 8
-- sends: parameters
-- bind: [["narcotic"]]
-- bind: [["injection", "narcotic"]]
SELECT medicine_no, brand, unit_cost
  FROM clinic.medicines
 WHERE labels @> %s
 ORDER BY unit_cost
 LIMIT 20
