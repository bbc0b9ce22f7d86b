/* agentdb */
-- Question: none; nothing that was tried stays.
-- Caller: agentdb.target.sandbox, always.
-- Needs: nothing.
ROLLBACK /* agentdb */
