/* agentdb */
-- Makes the database of one of the demo's businesses.
-- Caller: agentdb.wiring.showcase. Needs: the right to create databases.
CREATE DATABASE {name}
