SELECT DISTINCT ON (plate) plate, driver, departed_at FROM trips ORDER BY plate, departed_at DESC
