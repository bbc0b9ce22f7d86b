-- Question: how large is an index just built, with those of the partitions below it, what are they
--           called, and may this transaction use them already? (indcheckxmin: not while
--           snapshots older than a broken HOT chain are open)
-- Caller: agentdb.target.live.
-- Needs: nothing.
SELECT /* agentdb */
    sum(pg_catalog.pg_relation_size(pg_class.oid))::bigint AS size_bytes,
    array_agg(pg_class.relname::text) AS names,
    bool_and(NOT pg_index.indcheckxmin) AS usable
FROM pg_catalog.pg_class
JOIN pg_catalog.pg_index ON pg_index.indexrelid = pg_class.oid
WHERE pg_class.oid = %(index)s::regclass
    OR pg_class.oid IN (
        SELECT tree.relid
        FROM pg_catalog.pg_partition_tree(%(index)s::regclass) AS tree
    )
