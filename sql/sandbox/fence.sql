/* agentdb */
-- Question: none; said again before each statement that is not ours, inside its savepoint: it may
-- read only, and only so long. In a savepoint PostgreSQL lets nobody switch read only off again;
-- rolling back to the savepoint gives the transaction its rights back.
-- Caller: agentdb.target.sandbox.
-- Needs: nothing.
SELECT /* agentdb */
    pg_catalog.set_config('transaction_read_only', 'on', true),
    pg_catalog.set_config('statement_timeout', %(statement)s::text, true),
    pg_catalog.set_config('lock_timeout', %(lock)s::text, true)
