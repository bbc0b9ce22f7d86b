/* agentdb */
-- Is the default database of the embedded server there?
-- Caller: agentdb.embedded.server, after each start. Needs: nothing.
SELECT 1
FROM pg_catalog.pg_database
WHERE datname = 'agentdb';
