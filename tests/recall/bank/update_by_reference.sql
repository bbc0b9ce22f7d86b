UPDATE transfer SET status = 'returned' WHERE end_to_end = 'E2E12302' AND status <> 'returned'
