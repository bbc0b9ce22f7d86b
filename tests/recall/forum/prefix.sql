SELECT handle FROM member WHERE handle LIKE 'user_ab1%' ORDER BY handle LIMIT 8
