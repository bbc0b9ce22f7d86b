SELECT driver, sum(kilometres) FROM trips WHERE departed_at::date = '2023-04-05' GROUP BY driver
