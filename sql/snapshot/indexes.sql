-- Question: which indexes are there, what is each, is it valid, and how often was it scanned?
-- Caller: agentdb.target.counters, with an empty search_path, so that names come qualified.
-- Needs: nothing.
-- Telling a definition takes the lock that every SELECT takes, so tables being altered are left out.
-- It begins behind the names of index and table; sizes are as in snapshot/tables.
SELECT /* agentdb */
    relation.oid,
    schema.nspname AS schema,
    indexed.relname AS "table",
    relation.relname AS name,
    substr(
        whole.definition,
        strpos(whole.definition, format(' USING %%I (', method.amname)) + 1
    ) AS definition,
    index.indisvalid AND index.indisready AS is_valid,
    index.indisunique AS is_unique,
    EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS rule
        WHERE rule.conindid = relation.oid
          AND rule.contype IN ('p', 'u', 'x')
    ) AS is_constraint,
    relation.relpages::bigint * current_setting('block_size')::int AS size_bytes,
    pg_stat_get_numscans(relation.oid) AS scans
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indexrelid
JOIN pg_catalog.pg_class AS indexed ON indexed.oid = index.indrelid
JOIN pg_catalog.pg_am AS method ON method.oid = relation.relam
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = indexed.relnamespace
CROSS JOIN LATERAL pg_get_indexdef(relation.oid) AS whole (definition)
WHERE schema.nspname !~ '^pg_'
  AND schema.nspname NOT IN ('information_schema', 'agentdb')
  AND index.indislive
  AND index.indrelid <> ALL (%(altered)s::oid[])
  AND whole.definition IS NOT NULL
ORDER BY relation.oid
