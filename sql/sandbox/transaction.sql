/* agentdb */
-- Question: is this still the transaction we opened? Costs no transaction id.
-- Caller: agentdb.target.sandbox, after every statement that is not ours.
-- Needs: nothing.
SELECT /* agentdb */
    pg_catalog.transaction_timestamp() AS started,
    pg_catalog.pg_current_xact_id_if_assigned()::text AS xid
