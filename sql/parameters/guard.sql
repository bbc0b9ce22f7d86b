-- Question: none; rows are looked at without writing anything and without waiting for anybody.
-- Caller: agentdb.target.parameters.sampling, first in a transaction that is rolled back.
-- Needs: nothing.
SELECT /* agentdb */
    set_config('transaction_read_only', 'on', true),
    set_config('lock_timeout', '200ms', true),
    set_config('statement_timeout', '2s', true)
