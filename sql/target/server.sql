-- Question: which server, database and role is this, and what is installed?
-- Caller: agentdb.target.connection. Needs: nothing.
-- Two columns of pg_database came with PostgreSQL 15 and 17: where they are missing, their names
-- mean the constants of `before` (a name is looked up in the innermost query first).
SELECT /* agentdb */
    split_part(current_setting('server_version'), ' ', 1) AS version,
    current_setting('server_version_num')::int AS version_number,
    current_database()::text AS database,
    current_user::text AS role,
    current_setting('is_superuser')::boolean AS is_superuser,
    pg_is_in_recovery() AS is_standby,
    pg_encoding_to_char(here.encoding)::text AS encoding,
    here.sorts_by_code_point,
    current_schemas(false)::text[] AS search_path,
    (
        SELECT coalesce(jsonb_object_agg(extension.extname, extension.extversion), '{}')
        FROM pg_catalog.pg_extension AS extension
    ) AS extensions,
    (
        SELECT coalesce(jsonb_object_agg(extension.extname, schema.nspname), '{}')
        FROM pg_catalog.pg_extension AS extension
        JOIN pg_catalog.pg_namespace AS schema ON schema.oid = extension.extnamespace
    ) AS extension_schemas
FROM (SELECT 'c' AS datlocprovider) AS before
CROSS JOIN LATERAL (
    SELECT
        encoding,
        datlocprovider = 'b'
            OR (datlocprovider = 'c' AND datcollate IN ('C', 'POSIX')) AS sorts_by_code_point
    FROM pg_catalog.pg_database
    WHERE datname = current_database()
) AS here
