-- Question: is the index there, on its table, and valid? If not, the migration fails and says so.
-- Caller: migrations that agentdb.delivery.migrations.steps writes; agentdb itself never sends it.
-- Needs: nothing.
DO /* agentdb */ ${tag}$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_index
        WHERE indexrelid = pg_catalog.to_regclass({index_text})
            AND indrelid = pg_catalog.to_regclass({table_text})
            AND indisvalid
    ) THEN
        RAISE EXCEPTION USING
            MESSAGE = {message},
            HINT = {hint};
    END IF;
END
${tag}$
