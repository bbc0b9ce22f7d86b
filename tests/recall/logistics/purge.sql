DELETE FROM outbox WHERE keep_until <= timestamp '2024-01-09 12:00' AND sent
