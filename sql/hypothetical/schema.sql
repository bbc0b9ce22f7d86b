/* agentdb */
-- Question: in which schema is hypopg, if it is there and safe to use? (Together with pg_hint_plan
-- it has crashed servers.)
-- Caller: agentdb.target.hypothetical.
-- Needs: nothing.
SELECT /* agentdb */
    pg_namespace.nspname AS schema
FROM pg_catalog.pg_extension
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = pg_extension.extnamespace
WHERE
    pg_extension.extname = 'hypopg'
    -- a setting that is there when the library is loaded; who loads what not everybody may read
    AND pg_catalog.current_setting('pg_hint_plan.enable_hint', true) IS NULL
