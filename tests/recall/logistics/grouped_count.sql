SELECT depot_code, count(*) AS parcels FROM shipments GROUP BY depot_code ORDER BY parcels DESC
