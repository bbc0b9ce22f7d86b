-- The money has come (again: the provider calls twice).
-- weight: 8
-- sends: parameters
-- bind: ["2026-06-29 12:00+00", 49990]
-- bind: ["2026-06-29 12:05+00", 49991]
UPDATE shop.orders
   SET status = 'paid', paid_at = %s
 WHERE id = %s
