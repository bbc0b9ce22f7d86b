-- calls: 20
SELECT id, title FROM articles WHERE tags @> ARRAY['tag77'];
