SELECT id, handle, email, joined_at FROM member WHERE lower(email) = 'user77@example.org' LIMIT 1
