-- The invoice a customer reads out on the telephone.
-- weight: 8
-- sends: parameters
-- bind: ["INV-2026-0212100"]
-- bind: ["INV-2026-0343000"]
-- bind: ["INV-1999-0000001"]
SELECT id, order_id, amount, due_on, settled
  FROM shop_billing.invoices
 WHERE number = %s
