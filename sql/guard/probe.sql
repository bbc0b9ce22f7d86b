/* agentdb */
-- Question: what does PostgreSQL itself understand by a statement? It is parsed and resolved into
-- a temporary view, never run; the transaction is rolled back. The canary is a function that must
-- be found again among those the view reaches: if not, we cannot read this server's trees.
-- Caller: agentdb.target.guard, which puts the statement between the brackets.
-- Needs: TEMPORARY on the database.
CREATE /* agentdb */ TEMPORARY VIEW agentdb_probe AS
SELECT pg_catalog.pg_backend_pid() AS canary
WHERE EXISTS (
{statement}
)
