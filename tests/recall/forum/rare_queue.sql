SELECT r.id, r.post_id, r.filed_at FROM abuse_report r WHERE r.verdict = 'open' ORDER BY r.filed_at ASC LIMIT 20
