-- Question: how large is an index just built, with those of the partitions below it, and what are
--           they called?
-- Caller: agentdb.target.shadow.
-- Needs: nothing.
SELECT /* agentdb */
    sum(pg_catalog.pg_relation_size(pg_class.oid))::bigint AS size_bytes,
    array_agg(pg_class.relname::text) AS names
FROM pg_catalog.pg_class
WHERE pg_class.oid = %(index)s::regclass
    OR pg_class.oid IN (
        SELECT tree.relid
        FROM pg_catalog.pg_partition_tree(%(index)s::regclass) AS tree
    )
