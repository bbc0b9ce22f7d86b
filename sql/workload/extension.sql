-- Question: is pg_stat_statements here, where, how new, and may this role read it?
-- Caller: agentdb.target.statements. Needs: nothing. Always one row.
-- The setting exists only where the library was preloaded.
SELECT /* agentdb */
    current_setting('pg_stat_statements.max', true) IS NOT NULL AS preloaded,
    extension.extversion AS version,
    schema.nspname AS schema,
    coalesce(
        has_schema_privilege(schema.oid, 'USAGE') AND has_table_privilege(view.oid, 'SELECT'),
        false
    ) AS readable,
    ARRAY(
        SELECT attribute.attname
        FROM pg_catalog.pg_attribute AS attribute
        WHERE attribute.attrelid = view.oid
          AND attribute.attnum > 0
    ) AS columns,
    info.oid IS NOT NULL AS has_info
FROM (SELECT 'pg_stat_statements' AS name) AS wanted
LEFT JOIN pg_catalog.pg_extension AS extension ON extension.extname = wanted.name
LEFT JOIN pg_catalog.pg_namespace AS schema ON schema.oid = extension.extnamespace
LEFT JOIN pg_catalog.pg_class AS view
  ON view.relnamespace = schema.oid AND view.relname = 'pg_stat_statements'
LEFT JOIN pg_catalog.pg_class AS info
  ON info.relnamespace = schema.oid AND info.relname = 'pg_stat_statements_info'
