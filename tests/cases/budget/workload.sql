-- calls: 40
SELECT * FROM bookings WHERE guest_id = 77;

-- calls: 10
SELECT * FROM bookings WHERE room_id = 77;
