SELECT id, handle, karma FROM member ORDER BY karma DESC LIMIT 25
