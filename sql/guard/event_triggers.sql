/* agentdb */
-- Question: which functions of somebody else's would run because we create or drop something?
-- Caller: agentdb.target.guard, before the probe and before anything is built.
-- Needs: nothing.
SELECT /* agentdb */
    pg_event_trigger.evtname AS trigger,
    pg_namespace.nspname || '.' || pg_proc.proname AS function
FROM pg_catalog.pg_event_trigger
JOIN pg_catalog.pg_proc ON pg_proc.oid = pg_event_trigger.evtfoid
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = pg_proc.pronamespace
WHERE
    pg_event_trigger.evtenabled <> 'D'
    AND (
        pg_event_trigger.evtevent IN ('ddl_command_start', 'ddl_command_end')
        OR (pg_event_trigger.evtevent = 'sql_drop' AND 'DROP INDEX' = ANY(%(commands)s::text[]))
    )
    AND (
        pg_event_trigger.evttags IS NULL
        OR pg_event_trigger.evttags && %(commands)s::text[]
    )
ORDER BY trigger
