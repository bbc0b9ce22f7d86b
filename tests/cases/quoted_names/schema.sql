-- Names that need quotes everywhere: capitals, a space, a quote, a percent sign, a keyword.
CREATE SCHEMA "My Shop";

CREATE TABLE "My Shop"."Order ""Items"" 100%" (
    "Id" bigint PRIMARY KEY,
    "customerId" int NOT NULL,
    "order" int NOT NULL,
    "naïve {name}" text NOT NULL
);

INSERT INTO "My Shop"."Order ""Items"" 100%"
SELECT i, (i * 7919) % 2000, (i * 6151) % 40000, repeat('n', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE "My Shop"."Order ""Items"" 100%";
