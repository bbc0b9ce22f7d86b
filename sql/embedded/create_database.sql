/* agentdb */
-- Makes the default database of the embedded server.
-- Caller: agentdb.embedded.server, after the first start. Needs: the right to create databases.
CREATE DATABASE agentdb;
