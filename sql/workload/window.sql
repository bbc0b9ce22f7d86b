-- Question: since when does pg_stat_statements count, and did it have to forget statements?
-- Caller: agentdb.target.statements.
-- Needs: pg_stat_statements 1.9 or newer, on PostgreSQL 14 or newer.
SELECT /* agentdb */
    stats_reset AS since,
    dealloc AS evictions
FROM {schema}.pg_stat_statements_info
