-- What is overdue?
-- weight: 5
-- sends: literals
-- bind: ["2026-05-15"]
-- bind: ["2026-06-15"]
SELECT number, user_id, amount, due_on
  FROM shop_billing.invoices
 WHERE NOT settled
   AND due_on < date %s
 ORDER BY due_on
 LIMIT 100
