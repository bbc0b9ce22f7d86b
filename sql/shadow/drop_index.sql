-- Question: none; hides an index on the copy for one measurement, inside a savepoint.
-- Caller: agentdb.target.shadow, inside the transaction that is always rolled back.
-- Needs: nothing more than the copy.
DROP /* agentdb */ INDEX {names}
