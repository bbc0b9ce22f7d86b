-- Question: which rows does a part of the table hold?
-- Caller: agentdb.target.shadow, on a connection of its own and outside a transaction, so that the
--         lock on the table (ACCESS SHARE) is given back as soon as the part is read.
-- Needs: SELECT on the table.
COPY /* agentdb */ (
    SELECT {columns}
    FROM ONLY {table}
    {part}
) TO STDOUT (FORMAT binary)
