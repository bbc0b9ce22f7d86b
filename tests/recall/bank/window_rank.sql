WITH ranked AS (
    SELECT merchant, payment_no, amount, rank() OVER (PARTITION BY merchant ORDER BY amount DESC) AS position
    FROM card_payment
)
SELECT * FROM ranked WHERE position <= 2 ORDER BY merchant, position
