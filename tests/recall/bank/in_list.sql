SELECT transfer_id, status FROM transfer WHERE end_to_end IN ('E2E6151', 'E2E12302', 'E2E18453', 'E2E24604', 'E2E30755', 'E2E36906')
