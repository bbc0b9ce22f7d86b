/* agentdb */
-- Question: how does PostgreSQL run this statement, and what does it touch? (It follows.)
-- Without the clock on every node: reading it would slow nested loops down.
-- Caller: agentdb.target.sandbox.
-- Needs: SELECT on what the statement reads.
EXPLAIN /* agentdb */ (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)
