-- Question: what are the types that the parameters of a statement have?
-- Caller: agentdb.target.parameters.describing, with the OIDs that PREPARE gave.
-- Needs: nothing.
-- The modifier -1 tells bpchar from character, which a cast would take for character(1).
SELECT /* agentdb */
    type.oid::bigint AS oid,
    format_type(type.oid, -1) AS name,
    type.typcategory::text AS category,
    CASE WHEN type.typcategory = 'A' THEN format_type(type.typelem, -1) END AS element,
    (
        SELECT label.enumlabel::text
        FROM pg_catalog.pg_enum AS label
        WHERE label.enumtypid IN (type.oid, type.typelem)
        ORDER BY label.enumsortorder
        LIMIT 1
    ) AS label
FROM pg_catalog.pg_type AS type
WHERE type.oid = ANY (%(oids)s::oid[])
