-- Question: is the database of one of the demo's businesses there?
-- Caller: agentdb.wiring.showcase. Needs: nothing.
SELECT /* agentdb */
    datname
FROM pg_catalog.pg_database
WHERE datname = %(name)s
