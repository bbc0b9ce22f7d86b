SELECT * FROM private_message WHERE from_member = 512 OR to_member = 512 ORDER BY sent_at
