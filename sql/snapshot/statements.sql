-- Question: how often was each statement of this database called so far, and at what price?
-- Caller: agentdb.target.counters.
-- Needs: pg_stat_statements 1.8 or newer; pg_read_all_stats for other users' texts.
-- Where the view has no `toplevel` (before 1.9) or no `stats_since` (before 1.11), the name means
-- that of `before` (a name is looked up in the innermost query first).
SELECT /* agentdb */
    statement.user_oid,
    statement.query_id,
    statement.query,
    statement.since,
    statement.calls,
    statement.milliseconds,
    statement.rows,
    statement.blocks,
    statement.temp_blocks
FROM (SELECT true AS toplevel, NULL::timestamptz AS stats_since) AS before
CROSS JOIN LATERAL (
    SELECT
        userid AS user_oid,
        queryid AS query_id,
        query,
        stats_since AS since,
        calls,
        total_exec_time AS milliseconds,
        rows,
        shared_blks_hit + shared_blks_read AS blocks,
        temp_blks_read + temp_blks_written AS temp_blocks
    FROM {schema}.pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND toplevel
) AS statement
ORDER BY statement.milliseconds DESC, statement.user_oid, statement.query_id
