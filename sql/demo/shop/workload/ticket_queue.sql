-- Which urgent tickets has nobody taken yet?
-- weight: 8
-- sends: literals
-- bind: []
SELECT "ticketId", subject, priority, "openedAt"
  FROM shop."supportTickets"
 WHERE "assignedTo" IS NULL
   AND "closedAt" IS NULL
   AND priority IN ('urgent', 'high')
 ORDER BY "openedAt"
 LIMIT 20
