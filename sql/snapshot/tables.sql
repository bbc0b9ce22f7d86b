-- Question: what was done to each table so far, and how does it stand?
-- Caller: agentdb.target.counters. Needs: nothing.
-- Sizes are those of the last VACUUM, ANALYZE or CREATE INDEX: asking the disk would wait for
-- whoever alters the table.
SELECT /* agentdb */
    relation.oid,
    schema.nspname AS schema,
    relation.relname AS name,
    (
        SELECT above.nspname || '.' || parent.relname
        FROM pg_catalog.pg_inherits AS partition
        JOIN pg_catalog.pg_class AS parent ON parent.oid = partition.inhparent
        JOIN pg_catalog.pg_namespace AS above ON above.oid = parent.relnamespace
        WHERE partition.inhrelid = relation.oid
          AND relation.relispartition
    ) AS parent,
    coalesce(counted.seq_scan, 0) AS sequential_scans,
    coalesce(counted.idx_scan, 0) AS index_scans,
    coalesce(counted.n_tup_ins, 0) AS inserted,
    coalesce(counted.n_tup_upd, 0) AS updated,
    coalesce(counted.n_tup_hot_upd, 0) AS hot_updated,
    coalesce(counted.n_tup_del, 0) AS deleted,
    coalesce(counted.n_live_tup, 0) AS live_rows,
    coalesce(counted.n_dead_tup, 0) AS dead_rows,
    coalesce(counted.n_mod_since_analyze, 0) AS modified_rows,
    relation.relpages::bigint * current_setting('block_size')::int AS size_bytes,
    greatest(counted.last_analyze, counted.last_autoanalyze) AS analyzed_at
FROM pg_catalog.pg_class AS relation
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
LEFT JOIN pg_catalog.pg_stat_user_tables AS counted ON counted.relid = relation.oid
WHERE relation.relkind IN ('r', 'p', 'm', 'f')
  AND schema.nspname !~ '^pg_'
  AND schema.nspname NOT IN ('information_schema', 'agentdb')
ORDER BY schema.nspname, relation.relname
