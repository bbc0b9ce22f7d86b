-- Question: which relations are being altered right now, so that looking at them would wait?
-- Caller: agentdb.target.read_catalog, which leaves them out. Needs: nothing.
WITH /* agentdb */ altered AS (
    SELECT lock.relation AS oid
    FROM pg_catalog.pg_locks AS lock
    JOIN pg_catalog.pg_database AS here ON here.oid = lock.database
    WHERE here.datname = current_database()
      AND lock.locktype = 'relation'
      AND lock.mode = 'AccessExclusiveLock'
      AND lock.pid IS DISTINCT FROM pg_backend_pid()
),
unsafe AS (
    SELECT altered.oid
    FROM altered
    UNION
    SELECT index.indrelid
    FROM altered
    JOIN pg_catalog.pg_index AS index ON index.indexrelid = altered.oid
    UNION
    SELECT rule.ev_class
    FROM altered
    JOIN pg_catalog.pg_depend AS dependency
      ON dependency.refobjid = altered.oid
     AND dependency.refclassid = 'pg_catalog.pg_class'::regclass
     AND dependency.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = dependency.objid
)
SELECT
    relation.oid,
    format('%I.%I', schema.nspname, relation.relname) AS name
FROM unsafe
JOIN pg_catalog.pg_class AS relation ON relation.oid = unsafe.oid
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
WHERE relation.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND schema.nspname !~ '^pg_'
ORDER BY name
