-- Question: which tables does each view read, through other views, too?
-- Caller: agentdb.target.counters. Needs: nothing.
WITH /* agentdb */ RECURSIVE direct AS (
    SELECT DISTINCT
        rule.ev_class AS view,
        dependency.refobjid AS relation
    FROM pg_catalog.pg_rewrite AS rule
    JOIN pg_catalog.pg_depend AS dependency
      ON dependency.classid = 'pg_catalog.pg_rewrite'::regclass
     AND dependency.objid = rule.oid
     AND dependency.refclassid = 'pg_catalog.pg_class'::regclass
    WHERE dependency.refobjid <> rule.ev_class
),
reached AS (
    SELECT view, relation FROM direct
    UNION
    SELECT reached.view, direct.relation
    FROM reached
    JOIN direct ON direct.view = reached.relation
)
SELECT
    schema.nspname AS schema,
    view.relname AS name,
    array_agg(below.nspname || '.' || relation.relname ORDER BY below.nspname, relation.relname)
        AS tables
FROM reached
JOIN pg_catalog.pg_class AS view ON view.oid = reached.view
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = view.relnamespace
JOIN pg_catalog.pg_class AS relation ON relation.oid = reached.relation
JOIN pg_catalog.pg_namespace AS below ON below.oid = relation.relnamespace
WHERE view.relkind = 'v'
  AND relation.relkind IN ('r', 'p', 'm', 'f')
  AND schema.nspname !~ '^pg_'
  AND schema.nspname NOT IN ('information_schema', 'agentdb')
GROUP BY schema.nspname, view.relname
