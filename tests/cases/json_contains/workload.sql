-- calls: 20
SELECT id FROM devices WHERE facts @> '{"site": {"room": 77}}';
