/* agentdb */
-- Question: none; sets the search path: the session's for the probe, ours for the rest.
-- Caller: agentdb.target.guard.
-- Needs: nothing.
SELECT /* agentdb */
    pg_catalog.set_config('search_path', %(path)s, true)
