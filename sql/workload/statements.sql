-- Question: what has this database executed, how often, and at what price?
-- Caller: agentdb.target.statements.
-- Needs: pg_stat_statements 1.8 or newer; pg_read_all_stats for other users' texts.
-- `toplevel` came with 1.9. Where the view has no such column, the name means that of `before` (a
-- name is looked up in the innermost query first): every statement counts as a top-level one.
SELECT /* agentdb */
    statement.query,
    statement.calls,
    statement.total_milliseconds,
    statement.rows,
    statement.blocks,
    statement.temp_blocks
FROM (SELECT true AS toplevel) AS before
CROSS JOIN LATERAL (
    SELECT
        query,
        calls,
        total_exec_time AS total_milliseconds,
        rows,
        shared_blks_hit + shared_blks_read AS blocks,
        temp_blks_read + temp_blks_written AS temp_blocks
    FROM {schema}.pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND toplevel
) AS statement
