-- Question: may this role read what an audit reads, and make the copies that it tries ideas on?
-- Caller: agentdb.target.checks (doctor).
-- Needs: nothing. Always one row.
SELECT /* agentdb */
    pg_has_role('pg_read_all_stats', 'USAGE') AS reads_all_statistics,
    has_database_privilege(current_database(), 'TEMPORARY') AS makes_temporary_tables,
    count(relation.oid) AS tables,
    count(relation.oid) FILTER (WHERE NOT relation.readable) AS unreadable_tables,
    (array_agg(relation.name ORDER BY relation.name) FILTER (WHERE NOT relation.readable))[1]
        AS unreadable_example,
    count(relation.oid) FILTER (WHERE relation.unanalyzed) AS unanalyzed_tables
FROM (SELECT) AS always
LEFT JOIN LATERAL (
    SELECT
        class.oid,
        format('%I.%I', namespace.nspname, class.relname) AS name,
        has_schema_privilege(namespace.oid, 'USAGE')
            AND has_table_privilege(class.oid, 'SELECT') AS readable,
        class.relkind = 'r' AND class.reltuples < 0 AS unanalyzed
    FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'p', 'm')
      AND class.relpersistence <> 't'
      AND namespace.nspname NOT LIKE 'pg\_%'
      AND namespace.nspname NOT IN ('information_schema', 'agentdb')
) AS relation ON true
