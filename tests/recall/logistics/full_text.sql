SELECT id, shipment_id, remark
FROM incidents
WHERE remark_words @@ to_tsquery('simple', 'leaking & battery')
ORDER BY ts_rank(remark_words, to_tsquery('simple', 'leaking & battery')) DESC
LIMIT 10
