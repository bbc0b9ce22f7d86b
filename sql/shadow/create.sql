-- Question: none; the beginning of the CREATE INDEX that follows, on a copy.
-- Caller: agentdb.target.shadow, inside the transaction that is always rolled back.
-- Needs: nothing more than the copy.
CREATE /* agentdb */
