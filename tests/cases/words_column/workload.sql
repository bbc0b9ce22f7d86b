-- calls: 10
SELECT id, title FROM pages WHERE words @@ plainto_tsquery('simple', 'subject77');
