SELECT stage, count(*) FROM lab_order GROUP BY stage
