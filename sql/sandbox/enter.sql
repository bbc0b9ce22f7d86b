/* agentdb */
-- Question: none; what holds for the whole transaction. It also takes the first snapshot: from
-- here on PostgreSQL refuses to turn a read-only transaction into a writing one.
-- Caller: agentdb.target.sandbox.
-- Needs: nothing.
SELECT /* agentdb */
    pg_catalog.set_config('jit', 'off', true),
    pg_catalog.set_config('standard_conforming_strings', 'on', true),
    pg_catalog.set_config('idle_in_transaction_session_timeout', %(idle)s::text, true),
    pg_catalog.set_config('statement_timeout', %(statement)s::text, true),
    pg_catalog.set_config('lock_timeout', %(lock)s::text, true)
