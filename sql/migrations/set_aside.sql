-- Question: is there an INVALID index of the name that is to be built, left by a build that failed?
--           It is renamed, which takes no lock that anybody reads or writes less for, so that the
--           next statement can drop it CONCURRENTLY. (IF NOT EXISTS would take it for a success.)
-- Caller: migrations that agentdb.delivery.migrations.steps writes; agentdb itself never sends it.
-- Needs: the table's owner.
DO /* agentdb */ ${tag}$
DECLARE
    is_valid boolean;
    long_open text;
BEGIN
    -- A build in another session ends first. LOCK TABLE takes no materialized view: the same lock
    -- comes with its comment, which stays what it is.
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE oid = pg_catalog.to_regclass({table_text}) AND relkind = 'm'
    ) THEN
        EXECUTE 'COMMENT ON MATERIALIZED VIEW ' || {table_text} || ' IS '
            || quote_nullable(obj_description(pg_catalog.to_regclass({table_text}), 'pg_class'));
    ELSE
        LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE;
    END IF;
    SELECT indisvalid INTO is_valid
    FROM pg_catalog.pg_index
    WHERE indexrelid = pg_catalog.to_regclass({index_text});
    IF is_valid THEN
        RETURN;
    END IF;
    -- The build would wait for each of these, and fail in the end.
    SELECT string_agg(CAST(pid AS text), ', ') INTO long_open
    FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database()
        AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()
        AND backend_xmin IS NOT NULL
        AND xact_start < clock_timestamp() - interval '5 minutes';
    IF long_open IS NOT NULL THEN
        RAISE EXCEPTION USING
            MESSAGE = 'transactions are open for more than 5 minutes, pid ' || long_open,
            HINT = 'CREATE INDEX CONCURRENTLY waits for them: end them, then run this again.';
    END IF;
    -- NULL: there is none.
    IF NOT is_valid THEN
        ALTER INDEX {index} RENAME TO {leftover};
    END IF;
END
${tag}$
