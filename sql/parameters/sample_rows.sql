-- Question: what do some rows look like, in the columns that parameters are compared with?
-- Caller: agentdb.target.parameters.sampling: at most 100 rows out of about 24 pages, the same ones
--         each time as long as nothing is written.
-- Needs: SELECT on the table; without it, values come from pg_stats alone.
-- No column is cast to text: a cast may be somebody's function, a type's output is not.
SELECT /* agentdb */
    {columns}
FROM {table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (0)
ORDER BY hashtext(ctid::text)
LIMIT 100
