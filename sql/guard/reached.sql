/* agentdb */
-- Question: which functions would the probed statement run, and which foreign tables would it
-- read: through views, row security, domains, ranges, operators and aggregates?
--
-- `reached` holds catalog objects (class, id). What the server recorded in pg_depend leaves out
-- whatever it was born with, so the functions are also read out of the trees themselves
-- (":funcid 1234"). `made` tells for a type whether values of it are made, not only read: only
-- then its checks run. Built-in relations and types are not followed.
-- Caller: agentdb.target.guard, with pg_catalog as the search path.
-- Needs: nothing.
WITH RECURSIVE /* agentdb */ reached (class, id, made) AS (
    SELECT
        'pg_rewrite'::regclass::oid,
        pg_rewrite.oid,
        true
    FROM pg_rewrite
    JOIN pg_class ON pg_class.oid = pg_rewrite.ev_class
    WHERE
        pg_class.relname = 'agentdb_probe'
        AND pg_class.relnamespace = pg_my_temp_schema()
    UNION
    SELECT
        edge.class,
        edge.id,
        edge.made
    FROM reached
    CROSS JOIN LATERAL (
        -- What the tree of a view, a policy or a check was recorded to depend on.
        SELECT
            pg_depend.refclassid AS class,
            pg_depend.refobjid AS id,
            true AS made
        FROM pg_depend
        WHERE
            pg_depend.classid = reached.class
            AND pg_depend.objid = reached.id
            AND pg_depend.classid IN (
                'pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_constraint'::regclass
            )
            AND pg_depend.refclassid IN (
                'pg_class'::regclass,
                'pg_proc'::regclass,
                'pg_operator'::regclass,
                'pg_type'::regclass
            )
        UNION ALL
        -- What the tree itself names.
        SELECT
            CASE
                WHEN named.field[1] ~ 'typ' THEN 'pg_type'::regclass
                ELSE 'pg_proc'::regclass
            END,
            named.field[2]::oid,
            named.field[1] = 'typid'
        FROM (
            SELECT pg_rewrite.ev_action::text AS body
            FROM pg_rewrite
            WHERE reached.class = 'pg_rewrite'::regclass AND pg_rewrite.oid = reached.id
            UNION ALL
            SELECT pg_policy.polqual::text
            FROM pg_policy
            WHERE reached.class = 'pg_policy'::regclass AND pg_policy.oid = reached.id
            UNION ALL
            SELECT pg_constraint.conbin::text
            FROM pg_constraint
            WHERE reached.class = 'pg_constraint'::regclass AND pg_constraint.oid = reached.id
        ) AS tree
        CROSS JOIN LATERAL regexp_matches(
            tree.body,
            ':(funcid|opfuncid|hashfuncid|negfuncid|aggfnoid|winfnoid|tsmhandler'
            '|startInRangeFunc|endInRangeFunc'
            '|typid|[a-z]+type|[a-z]+_typeid) ([0-9]+)',
            'g'
        ) AS named (field)
        UNION ALL
        -- A view is its query; a materialized view is a table.
        SELECT
            'pg_rewrite'::regclass,
            pg_rewrite.oid,
            true
        FROM pg_class
        JOIN pg_rewrite ON pg_rewrite.ev_class = pg_class.oid
        WHERE
            reached.class = 'pg_class'::regclass
            AND pg_class.oid = reached.id
            AND pg_class.relkind = 'v'
        UNION ALL
        SELECT
            'pg_policy'::regclass,
            pg_policy.oid,
            true
        FROM pg_class
        JOIN pg_policy ON pg_policy.polrelid = pg_class.oid
        WHERE
            reached.class = 'pg_class'::regclass
            AND pg_class.oid = reached.id
            AND pg_class.relrowsecurity
            AND pg_policy.polcmd IN ('r', '*')
        UNION ALL
        -- Partitions and other children.
        SELECT
            'pg_class'::regclass,
            pg_inherits.inhrelid,
            true
        FROM pg_inherits
        WHERE
            reached.class = 'pg_class'::regclass
            AND pg_inherits.inhparent = reached.id
        UNION ALL
        SELECT
            'pg_proc'::regclass,
            pg_operator.oprcode,
            true
        FROM pg_operator
        WHERE
            reached.class = 'pg_operator'::regclass
            AND pg_operator.oid = reached.id
        UNION ALL
        SELECT
            'pg_proc'::regclass,
            step.id,
            true
        FROM pg_aggregate
        CROSS JOIN LATERAL (
            VALUES
            (pg_aggregate.aggtransfn),
            (pg_aggregate.aggfinalfn),
            (pg_aggregate.aggcombinefn),
            (pg_aggregate.aggserialfn),
            (pg_aggregate.aggdeserialfn),
            (pg_aggregate.aggmtransfn),
            (pg_aggregate.aggminvtransfn),
            (pg_aggregate.aggmfinalfn)
        ) AS step (id)
        WHERE
            reached.class = 'pg_proc'::regclass
            AND reached.id >= 16384
            AND pg_aggregate.aggfnoid = reached.id
        UNION ALL
        -- Under a domain, an array, a range, a multirange.
        SELECT
            pg_depend.refclassid,
            pg_depend.refobjid,
            reached.made
        FROM pg_depend
        WHERE
            reached.class = 'pg_type'::regclass
            AND pg_depend.classid = 'pg_type'::regclass
            AND pg_depend.objid = reached.id
            AND pg_depend.refclassid = 'pg_type'::regclass
        UNION ALL
        -- Inside a row.
        SELECT
            'pg_type'::regclass,
            pg_attribute.atttypid,
            reached.made
        FROM pg_type
        JOIN pg_attribute ON pg_attribute.attrelid = pg_type.typrelid
        WHERE
            reached.class = 'pg_type'::regclass
            AND pg_type.oid = reached.id
            AND pg_attribute.attnum > 0
            AND NOT pg_attribute.attisdropped
        UNION ALL
        SELECT
            'pg_proc'::regclass,
            step.id,
            true
        FROM pg_range
        CROSS JOIN LATERAL (VALUES (pg_range.rngcanonical), (pg_range.rngsubdiff)) AS step (id)
        WHERE
            reached.class = 'pg_type'::regclass
            AND pg_range.rngtypid = reached.id
        UNION ALL
        -- Casts that no tree shows: to_json(x) looks for one by itself, and so does 'a' || x.
        SELECT
            'pg_proc'::regclass,
            pg_cast.castfunc,
            true
        FROM pg_cast
        WHERE
            reached.class = 'pg_type'::regclass
            AND pg_cast.castsource = reached.id
        UNION ALL
        -- What is checked when a value of a domain is made.
        SELECT
            'pg_constraint'::regclass,
            pg_constraint.oid,
            true
        FROM pg_constraint
        WHERE
            reached.class = 'pg_type'::regclass
            AND reached.made
            AND pg_constraint.contypid = reached.id
    ) AS edge
    WHERE edge.id >= 16384 OR edge.class = 'pg_proc'::regclass
)

SELECT /* agentdb */
    'function' AS kind,
    pg_namespace.nspname AS schema,
    pg_proc.proname AS name,
    pg_get_userbyid(pg_proc.proowner) AS owner,
    pg_language.lanname AS language,
    pg_proc.provolatile::text AS volatility,
    pg_proc.prosecdef AS security_definer,
    pg_proc.prokind = 'a' AS aggregate,
    pg_proc.prosrc AS source,
    pg_proc.oid < 16384 AS built_in,
    (
        SELECT pg_extension.extname
        FROM pg_depend
        JOIN pg_extension ON pg_extension.oid = pg_depend.refobjid
        WHERE
            pg_depend.classid = 'pg_proc'::regclass
            AND pg_depend.objid = pg_proc.oid
            AND pg_depend.deptype = 'e'
    ) AS extension
FROM (SELECT DISTINCT reached.id FROM reached WHERE reached.class = 'pg_proc'::regclass) AS called
JOIN pg_proc ON pg_proc.oid = called.id
JOIN pg_namespace ON pg_namespace.oid = pg_proc.pronamespace
JOIN pg_language ON pg_language.oid = pg_proc.prolang
UNION ALL
SELECT
    'foreign table',
    pg_namespace.nspname,
    pg_class.relname,
    pg_get_userbyid(pg_class.relowner),
    '',
    '',
    false,
    false,
    '',
    false,
    NULL
FROM reached
JOIN pg_class ON pg_class.oid = reached.id
JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
WHERE
    reached.class = 'pg_class'::regclass
    AND pg_class.relkind = 'f'
ORDER BY kind, schema, name
