SELECT DISTINCT merchant FROM card_payment
