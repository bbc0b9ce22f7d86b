/* agentdb */
-- Question: none; the transaction that our own copies and indexes are built in. Every statement
-- that is not ours runs behind sandbox/fence, which makes it read only again.
-- Caller: agentdb.target.sandbox.
-- Needs: a primary.
BEGIN /* agentdb */ ISOLATION LEVEL READ COMMITTED READ WRITE
