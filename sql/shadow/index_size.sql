-- Question: how large is an index just built, with those of the partitions below it?
-- Caller: agentdb.target.shadow and agentdb.target.live.
-- Needs: nothing.
/* agentdb */
SELECT
    coalesce(sum(pg_catalog.pg_relation_size(tree.relid)), 0)::bigint AS size_bytes
FROM pg_catalog.pg_partition_tree(%(index)s::regclass) AS tree
