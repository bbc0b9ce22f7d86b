-- Question: which statements, values and all, did the sessions of this database send last?
-- Caller: agentdb.target.statements. Needs: pg_read_all_stats for other users' sessions.
-- A text as long as the server keeps was perhaps cut off.
SELECT /* agentdb */
    activity.pid,
    activity.query_start AS at,
    activity.query
FROM pg_catalog.pg_stat_activity AS activity
CROSS JOIN (
    SELECT setting::int AS bytes
    FROM pg_catalog.pg_settings
    WHERE name = 'track_activity_query_size'
) AS longest
WHERE activity.datname = current_database()
  AND activity.backend_type = 'client backend'
  AND activity.pid <> pg_backend_pid()
  AND activity.application_name <> 'agentdb'
  AND activity.query <> ''
  AND activity.query_start IS NOT NULL
  AND octet_length(activity.query) < longest.bytes - 1
