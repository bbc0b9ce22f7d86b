-- Question: none; gives the planner statistics of the copy (never of the application's table).
-- Caller: agentdb.target.shadow, inside the transaction that is always rolled back.
-- Needs: nothing more than the copy.
ANALYZE /* agentdb */ {name}
