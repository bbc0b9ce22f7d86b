/* agentdb */
-- Question: none; the transaction that nothing is built in sees one snapshot and cannot write.
-- Caller: agentdb.target.sandbox, agentdb.target.counters.
-- Needs: nothing.
BEGIN /* agentdb */ ISOLATION LEVEL REPEATABLE READ READ ONLY
