/* agentdb */
-- Question: under which name would plans show this index, which only our session imagines?
-- Caller: agentdb.target.hypothetical.
-- Needs: hypopg.
SELECT /* agentdb */
    created.indexrelid AS oid,
    created.indexname AS name
FROM {schema}.hypopg_create_index(%(definition)s) AS created
