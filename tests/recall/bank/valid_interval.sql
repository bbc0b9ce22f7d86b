SELECT percent FROM interest_rate WHERE product = 'product 3' AND applies_from <= '2019-09-09' AND applies_until > '2019-09-09'
