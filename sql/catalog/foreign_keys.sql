-- Question: which columns point at which columns of which other table?
-- Caller: agentdb.target.read_catalog. Needs: nothing.
-- A key that points at a partitioned table is listed once, not again for each partition there.
SELECT /* agentdb */
    reference.conrelid AS relation_oid,
    reference.conname AS name,
    ARRAY(
        SELECT attribute.attname
        FROM unnest(reference.conkey) WITH ORDINALITY AS key (number, position)
        JOIN pg_catalog.pg_attribute AS attribute
          ON attribute.attrelid = reference.conrelid AND attribute.attnum = key.number
        ORDER BY key.position
    ) AS columns,
    reference.confrelid AS referenced_oid,
    ARRAY(
        SELECT attribute.attname
        FROM unnest(reference.confkey) WITH ORDINALITY AS key (number, position)
        JOIN pg_catalog.pg_attribute AS attribute
          ON attribute.attrelid = reference.confrelid AND attribute.attnum = key.number
        ORDER BY key.position
    ) AS referenced_columns
FROM pg_catalog.pg_constraint AS reference
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = reference.connamespace
LEFT JOIN pg_catalog.pg_constraint AS parent ON parent.oid = reference.conparentid
WHERE reference.contype = 'f'
  AND reference.conrelid IS DISTINCT FROM parent.conrelid
  AND schema.nspname !~ '^pg_'
  AND schema.nspname NOT IN ('information_schema', 'agentdb')
  AND reference.conrelid <> ALL (%(locked)s::oid[])
ORDER BY reference.conname, reference.oid
