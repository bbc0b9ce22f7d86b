-- calls: 20
SELECT * FROM sales.tickets WHERE reference = 'S77';

-- calls: 20
SELECT * FROM support.tickets WHERE reference = 'S77';

-- calls: 20
SELECT s.id, t.id FROM sales.tickets AS s JOIN support.tickets AS t ON t.reference = s.reference WHERE s.id = 77;
