/* agentdb */
-- Question: how would PostgreSQL run this statement? (It follows; the planner evaluates functions
-- that are not volatile, so the guard must have seen it.)
-- Caller: agentdb.target.sandbox.
-- Needs: SELECT on what the statement reads.
EXPLAIN /* agentdb */ (FORMAT JSON)
