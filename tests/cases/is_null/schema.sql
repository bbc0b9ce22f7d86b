-- What has not been shipped yet: 1 parcel in 100.
CREATE TABLE parcels (
    id bigint PRIMARY KEY,
    shipped_at timestamptz,
    address text NOT NULL
);

INSERT INTO parcels
SELECT i, CASE WHEN i % 100 > 0 THEN timestamptz '2025-01-01' + i * interval '1 minute' END, repeat('a', 80)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE parcels;
