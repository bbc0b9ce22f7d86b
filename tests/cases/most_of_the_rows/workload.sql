-- calls: 5
SELECT * FROM members WHERE active;

-- calls: 5
SELECT * FROM members WHERE country = 'DE';
