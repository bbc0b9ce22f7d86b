-- The learner's open tickets.
-- weight: 12
-- sends: parameters
-- bind: [3925]
-- bind: [5050]
-- bind: [20001]
SELECT "ticketId", subject, "openedAt"
  FROM shop."supportTickets"
 WHERE "userId" = %s
   AND "closedAt" IS NULL
 ORDER BY "openedAt" DESC
