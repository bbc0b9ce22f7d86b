SELECT m.id, m.handle FROM member m WHERE (m.settings ->> 'invite') = 'inv-812' AND m.karma > 10
