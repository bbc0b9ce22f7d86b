CREATE TEMPORARY TABLE chosen AS SELECT id, name FROM parts WHERE id % 2 = 0;

-- calls: 10
SELECT * FROM chosen WHERE name = 'part 78';

-- calls: 10
SELECT * FROM pg_temp.chosen WHERE id = 78;
