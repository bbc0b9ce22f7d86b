/* agentdb */
-- Question: none; nothing that was tried stays.
-- Caller: agentdb.target.sandbox, agentdb.target.counters, always.
-- Needs: nothing.
ROLLBACK /* agentdb */
