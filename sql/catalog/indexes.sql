-- Question: which indexes are there, on what, how big, and are they valid?
-- Caller: agentdb.target.read_catalog, with an empty search_path, so that names come qualified.
-- Needs: nothing.
-- In indoption, bit 1 means DESC and bit 2 means NULLS FIRST.
SELECT /* agentdb */
    index.indrelid AS relation_oid,
    relation.relname AS name,
    method.amname AS method,
    key.keys,
    key.key_is_column,
    key.descending,
    key.nulls_first,
    key.opclasses,
    key.default_opclasses,
    ARRAY(
        SELECT attribute.attname
        FROM generate_series(index.indnkeyatts, index.indnatts - 1) AS position
        JOIN pg_catalog.pg_attribute AS attribute
          ON attribute.attrelid = index.indrelid AND attribute.attnum = index.indkey[position]
        ORDER BY position
    ) AS include,
    pg_get_expr(index.indpred, index.indrelid) AS predicate,
    index.indisunique AS "unique",
    index.indisprimary AS "primary",
    index.indisvalid AND index.indisready AS valid,
    CASE
        WHEN relation.relkind = 'i' THEN coalesce(pg_relation_size(relation.oid), 0)
        ELSE 0
    END AS size_bytes,
    pg_get_indexdef(index.indexrelid) AS definition
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indexrelid
JOIN pg_catalog.pg_am AS method ON method.oid = relation.relam
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
CROSS JOIN LATERAL (
    SELECT
        array_agg(
            coalesce(attribute.attname, pg_get_indexdef(index.indexrelid, position + 1, true))
            ORDER BY position
        ) AS keys,
        array_agg(attribute.attname IS NOT NULL ORDER BY position) AS key_is_column,
        array_agg(index.indoption[position] & 1 = 1 ORDER BY position) AS descending,
        array_agg(index.indoption[position] & 2 = 2 ORDER BY position) AS nulls_first,
        array_agg(opclass.opcname ORDER BY position) AS opclasses,
        array_agg(opclass.opcdefault ORDER BY position) AS default_opclasses
    FROM generate_series(0, index.indnkeyatts - 1) AS position
    JOIN pg_catalog.pg_opclass AS opclass ON opclass.oid = index.indclass[position]
    LEFT JOIN pg_catalog.pg_attribute AS attribute
      ON attribute.attrelid = index.indrelid
     AND attribute.attnum = index.indkey[position]
     AND attribute.attnum <> 0
) AS key
WHERE schema.nspname !~ '^pg_'
  AND schema.nspname NOT IN ('information_schema', 'agentdb')
  AND index.indislive
  AND index.indrelid <> ALL (%(locked)s::oid[])
ORDER BY relation.relname, index.indexrelid
