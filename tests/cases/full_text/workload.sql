-- calls: 5
SELECT id, body FROM notes WHERE to_tsvector('english', body) @@ to_tsquery('english', 'subject77');
