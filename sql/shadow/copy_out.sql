-- Question: which rows does the table hold (or a sample of its pages)?
-- Caller: agentdb.target.shadow, on a connection and in a READ ONLY transaction of its own, so
--         that the lock on the table (ACCESS SHARE) is given back as soon as the rows are read.
-- Needs: SELECT on the table.
COPY /* agentdb */ (
    SELECT {columns}
    FROM ONLY {table}
    {sample}
) TO STDOUT (FORMAT {format})
