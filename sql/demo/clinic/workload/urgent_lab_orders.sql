-- Which urgent samples wait for a report?
-- weight: 8
-- sends: literals
-- bind: []
SELECT "orderNo", "patientNo", "requestedAt"
  FROM clinic."labOrders"
 WHERE "reportedAt" IS NULL
   AND urgency IN ('stat', 'soon')
 ORDER BY "requestedAt"
 LIMIT 20
