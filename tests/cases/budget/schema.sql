-- Two indexes are wanted, there is room for one: the one that saves more.
CREATE TABLE bookings (
    id int PRIMARY KEY,
    guest_id int NOT NULL,
    room_id int NOT NULL,
    about text NOT NULL
);

INSERT INTO bookings
SELECT i, (i * 7919) % 40000, (i * 6151) % 40000, repeat('a', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE bookings;
