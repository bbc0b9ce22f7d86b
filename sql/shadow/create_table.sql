-- Question: none; lays an empty copy of a table beside the application's, seen by nobody else.
-- Caller: agentdb.target.shadow, inside the transaction that is always rolled back.
-- Needs: TEMPORARY on the database.
CREATE /* agentdb */ TEMPORARY TABLE {name} ({columns})
{partitioning}
