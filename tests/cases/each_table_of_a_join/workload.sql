-- calls: 20
SELECT t.id FROM owners AS o JOIN things AS t ON t.owner_id = o.id WHERE o.email = 'user77@example.com';
