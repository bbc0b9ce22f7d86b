/* agentdb */
-- Question: none; the session no longer imagines anything. A rollback would not do that.
-- Caller: agentdb.target.hypothetical, always.
-- Needs: hypopg.
SELECT /* agentdb */
    {schema}.hypopg_reset()
