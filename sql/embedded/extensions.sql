/* agentdb */
-- Which extensions does agentdb use? Those that are missing are created.
-- Caller: agentdb.embedded.server, after the first start. Needs: a superuser.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
