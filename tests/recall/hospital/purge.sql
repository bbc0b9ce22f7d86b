DELETE FROM portal_token WHERE expires_at < '2024-01-15'
