-- Question: which tables, partitions and views are there, and how big is each?
-- Caller: agentdb.target.read_catalog, with an empty search_path, so that names come qualified.
-- Needs: nothing; `readable` says whether the role may SELECT.
SELECT /* agentdb */
    relation.oid,
    schema.nspname AS schema,
    relation.relname AS name,
    CASE relation.relkind
        WHEN 'r' THEN 'table'
        WHEN 'p' THEN 'partitioned'
        WHEN 'm' THEN 'materialized view'
        WHEN 'v' THEN 'view'
        ELSE 'foreign'
    END AS kind,
    relation.reltuples AS tuples,
    relation.relpages AS pages,
    relation.relallvisible AS visible_pages,
    current_setting('block_size')::int AS page_bytes,
    CASE
        WHEN relation.relkind IN ('r', 'm') THEN coalesce(pg_relation_size(relation.oid), 0)
        ELSE 0
    END AS size_bytes,
    CASE WHEN relation.relkind = 'p' THEN pg_get_partkeydef(relation.oid) END AS partition_key,
    pg_get_expr(relation.relpartbound, relation.oid) AS partition_bound,
    parent.inhparent AS parent_oid,
    CASE WHEN relation.relkind = 'v' THEN pg_get_viewdef(relation.oid) END AS view_sql,
    relation.relrowsecurity AS has_row_security,
    has_schema_privilege(schema.oid, 'USAGE')
        AND has_table_privilege(relation.oid, 'SELECT') AS readable
FROM pg_catalog.pg_class AS relation
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
LEFT JOIN pg_catalog.pg_inherits AS parent
  ON relation.relispartition AND parent.inhrelid = relation.oid
WHERE relation.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND schema.nspname !~ '^pg_'
  AND schema.nspname NOT IN ('information_schema', 'agentdb')
  AND relation.oid <> ALL (%(locked)s::oid[])
ORDER BY schema.nspname, relation.relname
