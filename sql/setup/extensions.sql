-- Question: which extensions does agentdb need in this database?
-- Caller:   a DBA, once for each database, with psql; `agentdb init` and `agentdb doctor` name it
-- Needs:    superuser; psql 10 or newer; runs on PostgreSQL 13 to 18, as often as you like
--
-- vector              where agentdb keeps its tables (not on a server that is only audited)
-- btree_gist          there too: one value of a fact at a time
-- pg_stat_statements  on the audited server; also in shared_preload_libraries (needs a restart)
-- pg_trgm             on the audited server, for advice on LIKE '%…%'
-- hypopg              on the audited server, to weed out ideas before they are tried (optional)
--
-- What the server does not have is left out and named at the end.

\set ON_ERROR_STOP on

SELECT format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA public', name)
FROM pg_available_extensions
WHERE name IN ('vector', 'btree_gist', 'pg_stat_statements', 'pg_trgm', 'hypopg')
ORDER BY name
\gexec

SELECT
    wanted.name AS extension,
    coalesce(installed_version, 'not on this server: ' || wanted.packages) AS version
FROM (
    VALUES
        ('vector', 'package postgresql-NN-pgvector'),
        ('btree_gist', 'package postgresql-contrib'),
        ('pg_stat_statements', 'package postgresql-contrib'),
        ('pg_trgm', 'package postgresql-contrib'),
        ('hypopg', 'package postgresql-NN-hypopg, optional')
) AS wanted (name, packages)
LEFT JOIN pg_available_extensions USING (name);
