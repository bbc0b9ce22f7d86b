SELECT sum(amount) FROM card_payment WHERE (paid_at AT TIME ZONE 'Europe/Berlin')::date = '2023-07-01'
