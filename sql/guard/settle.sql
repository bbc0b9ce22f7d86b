/* agentdb */
-- Question: which search path does the session have? It is put aside, so that names and operators
-- in our own statements mean PostgreSQL's. And the guard neither works nor waits long.
-- Caller: agentdb.target.guard.
-- Needs: nothing.
SELECT /* agentdb */
    pg_catalog.current_setting('search_path') AS path,
    pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
    pg_catalog.set_config('jit', 'off', true),
    pg_catalog.set_config('standard_conforming_strings', 'on', true),
    pg_catalog.set_config('statement_timeout', '5s', true),
    pg_catalog.set_config('lock_timeout', '200ms', true)
