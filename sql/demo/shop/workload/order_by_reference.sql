-- The order behind a payment provider's reference, or behind a coupon.
-- weight: 6
-- sends: parameters
-- bind: ["pi_81543244eb860408", "SAVE987"]
-- bind: ["pi_0000000000000000", "SAVE998"]
SELECT id, user_id, status, total
  FROM shop.orders
 WHERE external_ref = %s
    OR coupon = %s
