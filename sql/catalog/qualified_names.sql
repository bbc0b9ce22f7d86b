-- Question: none; until the transaction ends, Postgres prints every name with its schema.
-- Caller: agentdb.target.read_catalog, agentdb.target.counters. Needs: nothing.
SELECT /* agentdb */
    set_config('search_path', '', true)
