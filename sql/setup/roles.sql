-- Question: which roles does agentdb work as, with the least they need?
-- Caller:   a DBA, once for each database, with psql, after extensions.sql
-- Needs:    superuser; psql 10 or newer; runs on PostgreSQL 13 to 18, as often as you like
--
-- agentdb_owner      owns the schema agentdb and what is in it; nobody logs in as it
-- agentdb_app        AGENTDB_DATABASE_URL: reads and writes there, one tenant's rows at a time
-- agentdb_architect  AGENTDB_TARGET_URL: reads, and copies into temporary tables; owns nothing
--
-- The last two may log in once they have a password: \password agentdb_app, \password
-- agentdb_architect. `agentdb init` is run by a superuser or by a member of agentdb_owner; it
-- makes everything as agentdb_owner.

\set ON_ERROR_STOP on

-- The roles ---------------------------------------------------------------------------------------

SELECT format('CREATE ROLE %I %s', wanted.name, wanted.door)
FROM (
    VALUES
        ('agentdb_owner', 'NOLOGIN'),
        ('agentdb_app', 'LOGIN'),
        ('agentdb_architect', 'LOGIN')
) AS wanted (name, door)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)
\gexec

ALTER ROLE agentdb_owner NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE agentdb_app NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE agentdb_architect NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- agentdb_owner and agentdb_app: the schema agentdb ------------------------------------------------

GRANT CONNECT ON DATABASE :"DBNAME" TO agentdb_app;

-- Where there is no pgvector, agentdb's tables cannot be.
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS may_hold_tables
\gset
\if :may_hold_tables
    CREATE SCHEMA IF NOT EXISTS agentdb AUTHORIZATION agentdb_owner;

    -- For a schema that somebody else made before: to an owner row-level security does not apply.
    ALTER SCHEMA agentdb OWNER TO agentdb_owner;
    REVOKE ALL ON SCHEMA agentdb FROM agentdb_app;
    SELECT format('ALTER TABLE %s OWNER TO agentdb_owner', oid::regclass)
    FROM pg_class
    WHERE relnamespace = 'agentdb'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO agentdb_owner', oid::regprocedure)
    FROM pg_proc
    WHERE pronamespace = 'agentdb'::regnamespace
    UNION ALL
    SELECT format('ALTER TYPE %s OWNER TO agentdb_owner', reltype::regtype)
    FROM pg_class
    WHERE relnamespace = 'agentdb'::regnamespace AND relkind = 'c'
    \gexec

    GRANT USAGE ON SCHEMA agentdb TO agentdb_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA agentdb TO agentdb_app;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA agentdb TO agentdb_app;
    ALTER DEFAULT PRIVILEGES FOR ROLE agentdb_owner IN SCHEMA agentdb
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO agentdb_app;
    ALTER DEFAULT PRIVILEGES FOR ROLE agentdb_owner IN SCHEMA agentdb
        GRANT EXECUTE ON FUNCTIONS TO agentdb_app;
\endif

-- agentdb_architect: what it may ------------------------------------------------------------------

-- TEMPORARY: the copies that an index is tried on. Everybody has it until it is revoked.
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO agentdb_architect;

-- The texts of other users' statements.
GRANT pg_read_all_stats TO agentdb_architect;

-- The rows to try a change on. To show it some schemas only: revoke pg_read_all_data and
-- GRANT USAGE ON SCHEMA …, SELECT ON ALL TABLES IN SCHEMA … TO agentdb_architect.
SELECT current_setting('server_version_num')::integer >= 140000 AS reads_by_role
\gset
\if :reads_by_role
    GRANT pg_read_all_data TO agentdb_architect;
\else
    SELECT format('GRANT USAGE ON SCHEMA %I TO agentdb_architect', nspname)
    FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL
    SELECT format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO agentdb_architect', nspname)
    FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    \gexec
\endif

-- agentdb_architect: how it behaves ---------------------------------------------------------------

-- Defaults, for whoever forgets: agentdb sets its own, narrower ones in each transaction, and
-- turns writing on only where it builds its temporary copies, in a transaction it rolls back.
ALTER ROLE agentdb_architect SET default_transaction_read_only = on;
ALTER ROLE agentdb_architect SET statement_timeout = '5min';
ALTER ROLE agentdb_architect SET lock_timeout = '200ms';
ALTER ROLE agentdb_architect SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE agentdb_architect SET application_name = 'agentdb';

-- Names are looked up as the application looks them up: change this if it does not use public.
ALTER ROLE agentdb_architect SET search_path = public;

-- What only a superuser can set: a limit on sorting to disk, and no trace of our own statements
-- among those that we come to read.
ALTER ROLE agentdb_architect SET temp_file_limit = '5GB';
ALTER ROLE agentdb_architect SET pg_stat_statements.track = 'none';

SELECT current_setting('server_version_num')::integer >= 170000 AS limits_transactions
\gset
\if :limits_transactions
    ALTER ROLE agentdb_architect SET transaction_timeout = '15min';
\endif
