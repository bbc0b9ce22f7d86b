SELECT count(*) FROM transfer WHERE to_tsvector('simple', purpose) @@ to_tsquery('simple', 'cryptocurrency')
