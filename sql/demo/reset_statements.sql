/* agentdb */
-- Question: what was measured while the demo was loaded? Forget it, in this database only.
-- Caller: agentdb.demo (drive). Needs: EXECUTE on pg_stat_statements_reset(oid, oid, bigint).
SELECT /* agentdb */
    pg_stat_statements_reset(0, oid, 0)
FROM pg_catalog.pg_database
WHERE datname = current_database()
