-- calls: 20
-- values: [11]
-- values: [12]
-- values: [13]
DELETE FROM projects WHERE id = $1;
