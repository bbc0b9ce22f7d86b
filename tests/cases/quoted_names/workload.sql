-- calls: 20
SELECT * FROM "My Shop"."Order ""Items"" 100%" AS "I" WHERE "I"."customerId" = 7;

-- calls: 20
SELECT "naïve {name}" FROM "My Shop"."Order ""Items"" 100%" WHERE "order" = 77;
