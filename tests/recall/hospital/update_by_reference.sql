UPDATE lab_order SET stage = 'reported' WHERE sample_code = 'S104729'
