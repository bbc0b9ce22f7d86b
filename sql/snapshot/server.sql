-- Question: which server and database is this, since when does each count, what time is it there?
-- Caller: agentdb.target.counters, before all counters. Needs: nothing.
SELECT /* agentdb */
    clock_timestamp() AS server_time,
    current_setting('server_version_num')::int AS server_version,
    pg_postmaster_start_time() AS server_started_at,
    here.oid AS database_oid,
    pg_stat_get_db_stat_reset_time(here.oid) AS database_reset_at,
    current_schemas(false)::text[] AS search_path
FROM pg_catalog.pg_database AS here
WHERE here.datname = current_database()
