/* agentdb */
-- Question: none; gives back the advisory locks that outlive a rolled-back transaction.
-- Caller: agentdb.target.sandbox, after the rollback.
-- Needs: nothing.
SELECT /* agentdb */
    pg_catalog.pg_advisory_unlock_all()
