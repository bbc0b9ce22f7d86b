-- Question: none; lays an empty copy of a partition below its copied parent.
-- Caller: agentdb.target.shadow, inside the transaction that is always rolled back.
-- Needs: TEMPORARY on the database.
CREATE /* agentdb */ TEMPORARY TABLE {name}
PARTITION OF {parent} {bound}
{partitioning}
