/* agentdb */
-- Question: none; the server ends the session when the transaction outlives its time.
-- Caller: agentdb.target.sandbox.
-- Needs: PostgreSQL 17.
SELECT /* agentdb */
    pg_catalog.set_config('transaction_timeout', %(transaction)s::text, true)
