-- Question: none; makes the session a good guest: read only, in nobody's way, values as we read them.
-- Caller: agentdb.target.connection, once after connecting.
-- Needs: nothing. A superuser also keeps the session out of pg_stat_statements.
-- The search path loses our own schema: for a role named agentdb it would come first, and
-- agentdb's tables would stand for the application's of the same name.
SELECT /* agentdb */
    set_config('default_transaction_read_only', 'on', false),
    set_config('statement_timeout', %(statement_timeout)s, false),
    set_config('lock_timeout', %(lock_timeout)s, false),
    set_config('idle_in_transaction_session_timeout', %(idle_timeout)s, false),
    set_config(
        'search_path',
        (
            SELECT coalesce(string_agg(quote_ident(path.schema), ', ' ORDER BY path.position), '')
            FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (schema, position)
            WHERE path.schema <> 'agentdb'
        ),
        false
    ),
    set_config('plan_cache_mode', 'force_custom_plan', false),
    set_config('DateStyle', 'ISO', false),
    set_config('IntervalStyle', 'postgres', false),
    set_config('bytea_output', 'hex', false),
    CASE
        WHEN (SELECT role.rolsuper FROM pg_catalog.pg_roles AS role WHERE role.rolname = current_user)
        THEN set_config('pg_stat_statements.track', 'none', false)
    END
