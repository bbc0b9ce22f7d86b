-- Question: which columns are there, of which types, and how do their values spread?
-- Caller: agentdb.target.read_catalog, with an empty search_path, so that names come qualified.
-- Needs: nothing; pg_stats shows only those columns that the role may SELECT.
-- A column never analysed has a width all the same: of its type, or 32 as the planner guesses.
SELECT /* agentdb */
    attribute.attrelid AS relation_oid,
    attribute.attname AS name,
    format_type(attribute.atttypid, NULL) AS type_name,
    format_type(attribute.atttypid, attribute.atttypmod) AS type_sql,
    type.typcategory AS category,
    attribute.attnotnull AS not_null,
    coalesce(statistic.n_distinct, 0) AS "distinct",
    coalesce(statistic.null_frac, 0) AS null_fraction,
    coalesce(statistic.correlation, 0) AS correlation,
    coalesce(statistic.avg_width, CASE WHEN type.typlen > 0 THEN type.typlen ELSE 32 END)
        AS width_bytes,
    CASE
        WHEN type.typcategory IN ('E', 'A') THEN ARRAY(
            SELECT label.enumlabel
            FROM pg_catalog.pg_enum AS label
            WHERE label.enumtypid IN (type.oid, type.typbasetype, type.typelem)
            ORDER BY label.enumsortorder
        )
        ELSE '{}'
    END AS enum_labels,
    CASE
        WHEN sorting.collprovider = 'd' THEN %(sorts_by_code_point)s
        WHEN sorting.collprovider = 'c' THEN sorting.collcollate IN ('C', 'POSIX')
        ELSE coalesce(sorting.collprovider = 'b', true)
    END AS collation_is_c,
    CASE
        WHEN attribute.attcollation <> type.typcollation
        THEN quote_ident(place.nspname) || '.' || quote_ident(sorting.collname)
    END AS collation_sql
FROM pg_catalog.pg_attribute AS attribute
JOIN pg_catalog.pg_class AS relation ON relation.oid = attribute.attrelid
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
LEFT JOIN pg_catalog.pg_collation AS sorting ON sorting.oid = attribute.attcollation
LEFT JOIN pg_catalog.pg_namespace AS place ON place.oid = sorting.collnamespace
LEFT JOIN pg_catalog.pg_stats AS statistic
  ON statistic.schemaname = schema.nspname
 AND statistic.tablename = relation.relname
 AND statistic.attname = attribute.attname
 AND statistic.inherited = (relation.relkind = 'p')
WHERE attribute.attnum > 0
  AND NOT attribute.attisdropped
  AND relation.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND schema.nspname !~ '^pg_'
  AND schema.nspname NOT IN ('information_schema', 'agentdb')
  AND relation.oid <> ALL (%(locked)s::oid[])
ORDER BY attribute.attrelid, attribute.attnum
