SELECT b.member_id FROM ban b WHERE b.since <= '2022-01-01' AND b.until >= '2022-01-01'
