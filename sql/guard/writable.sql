/* agentdb */
-- Question: none; the probe is a temporary view, and a read-only transaction may not have one.
-- Caller: agentdb.target.guard, first statement of a transaction that is always rolled back.
-- Needs: a primary.
SET /* agentdb */ TRANSACTION READ WRITE
