SELECT price FROM tariffs WHERE carrier = 'carrier 4' AND date '2020-06-15' BETWEEN valid_from AND valid_to
