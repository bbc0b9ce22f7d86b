/* agentdb */
-- Question: none; waits until nobody else furnishes this database, not even for a client that was
-- killed: its session goes on to the end of its statement. The lock ends with the session.
-- Caller: agentdb.embedded.server, at each start. Needs: nothing.
SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended('agentdb furnishes', 0));
