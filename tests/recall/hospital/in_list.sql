SELECT order_no, sample_code, stage
FROM lab_order
WHERE sample_code IN ('S104729', 'S209458', 'S314187', 'S418916', 'S523645')
