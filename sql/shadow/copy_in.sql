-- Question: none; fills the copy. FREEZE marks its pages all-visible, as a vacuumed table's are,
--           so that index-only scans can be measured (from PostgreSQL 14 on).
-- Caller: agentdb.target.shadow, inside the transaction that is always rolled back.
-- Needs: nothing more than the copy.
COPY /* agentdb */ {name} ({columns})
FROM STDIN (FORMAT binary, FREEZE)
