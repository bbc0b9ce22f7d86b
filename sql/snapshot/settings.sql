-- Question: what do plans depend on that somebody can set, here or for some roles?
-- Caller: agentdb.target.counters. Needs: nothing.
WITH /* agentdb */ planning AS (
    SELECT name
    FROM pg_catalog.pg_settings
    WHERE name LIKE 'enable\_%'
       OR name LIKE 'geqo%'
       OR name IN (
            'constraint_exclusion',
            'cpu_index_tuple_cost',
            'cpu_operator_cost',
            'cpu_tuple_cost',
            'cursor_tuple_fraction',
            'default_statistics_target',
            'effective_cache_size',
            'effective_io_concurrency',
            'from_collapse_limit',
            'hash_mem_multiplier',
            'jit',
            'jit_above_cost',
            'join_collapse_limit',
            'max_parallel_workers',
            'max_parallel_workers_per_gather',
            'max_worker_processes',
            'min_parallel_index_scan_size',
            'min_parallel_table_scan_size',
            'parallel_setup_cost',
            'parallel_tuple_cost',
            'random_page_cost',
            'seq_page_cost',
            'shared_buffers',
            'temp_buffers',
            'work_mem'
        )
)
SELECT
    name,
    current_setting(name) AS value
FROM planning
UNION ALL
SELECT
    format('%s of role %s', setting.name, role.rolname),
    setting.value
FROM pg_catalog.pg_db_role_setting AS those
JOIN pg_catalog.pg_roles AS role ON role.oid = those.setrole
CROSS JOIN LATERAL (
    SELECT
        split_part(pair, '=', 1) AS name,
        substr(pair, strpos(pair, '=') + 1) AS value
    FROM unnest(those.setconfig) AS pair
) AS setting
JOIN planning ON planning.name = setting.name
WHERE those.setdatabase IN (
        0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    )
ORDER BY 1, 2
