-- Question: how many statements of this database does pg_stat_statements hold, and how many
-- could it hold?
-- Caller: agentdb.target.checks (doctor).
-- Needs: SELECT on pg_stat_statements.
SELECT /* agentdb */
    count(*) AS held,
    count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden,
    current_setting('pg_stat_statements.max')::int AS most
FROM {schema}.pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
