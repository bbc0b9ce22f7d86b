WITH numbered AS (
    SELECT t.driver, t.kilometres, row_number() OVER (PARTITION BY t.driver ORDER BY t.kilometres DESC) AS n
    FROM trips t
)
SELECT driver, kilometres FROM numbered WHERE n <= 5
