/* agentdb */
-- Question: none; the session no longer imagines an index.
-- Caller: agentdb.target.hypothetical.
-- Needs: hypopg.
SELECT /* agentdb */
    {schema}.hypopg_drop_index(%(oid)s::oid)
