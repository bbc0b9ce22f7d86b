-- Question: which values does the planner know of the columns of some relations?
-- Caller: agentdb.target.read_catalog.
-- Needs: nothing; pg_stats shows only those columns that the role may SELECT.
-- Read are the relations of these names (all, if NULL), their partitions, what views of these
-- names read, and the tables whose foreign keys point at them. A long list is thinned out to a hundred: evenly along a histogram, the most common
-- first otherwise. An anyarray can be read only by way of its text.
WITH RECURSIVE /* agentdb */ step (source, target) AS (
    SELECT inhparent, inhrelid
    FROM pg_catalog.pg_inherits
    UNION
    SELECT rule.ev_class, dependency.refobjid
    FROM pg_catalog.pg_rewrite AS rule
    JOIN pg_catalog.pg_depend AS dependency
      ON dependency.objid = rule.oid
     AND dependency.classid = 'pg_catalog.pg_rewrite'::regclass
     AND dependency.refclassid = 'pg_catalog.pg_class'::regclass
    UNION
    SELECT confrelid, conrelid
    FROM pg_catalog.pg_constraint
    WHERE contype = 'f'
),
wanted (oid) AS (
    SELECT relation.oid
    FROM pg_catalog.pg_class AS relation
    WHERE relation.relname = ANY (%(names)s::text[])
       OR %(names)s::text[] IS NULL
    UNION
    SELECT step.target
    FROM wanted
    JOIN step ON step.source = wanted.oid
)
SELECT
    relation.oid AS relation_oid,
    statistic.attname AS name,
    (statistic.most_common_vals::text::text[])[:100] AS common,
    statistic.most_common_freqs[:100] AS frequencies,
    histogram.bounds,
    element.elements,
    element.element_frequencies
FROM wanted
JOIN pg_catalog.pg_class AS relation ON relation.oid = wanted.oid
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
JOIN pg_catalog.pg_stats AS statistic
  ON statistic.schemaname = schema.nspname
 AND statistic.tablename = relation.relname
 AND statistic.inherited = (relation.relkind = 'p')
CROSS JOIN LATERAL (
    SELECT array_agg(bound.value ORDER BY bound.position) AS bounds
    FROM unnest(statistic.histogram_bounds::text::text[])
        WITH ORDINALITY AS bound (value, position)
    CROSS JOIN (SELECT array_length(statistic.histogram_bounds, 1) AS bounds) AS number
    WHERE number.bounds <= 101
       OR mod(bound.position - 1, (number.bounds + 98) / 100) = 0
       OR bound.position = number.bounds
) AS histogram
CROSS JOIN LATERAL (
    SELECT
        array_agg(one.value ORDER BY one.share DESC, one.value) AS elements,
        array_agg(one.share ORDER BY one.share DESC, one.value) AS element_frequencies
    FROM (
        SELECT listed.value, listed.share
        FROM unnest(statistic.most_common_elems::text::text[], statistic.most_common_elem_freqs)
            AS listed (value, share)
        WHERE listed.value IS NOT NULL
        ORDER BY listed.share DESC, listed.value
        LIMIT 100
    ) AS one
) AS element
WHERE relation.relkind IN ('r', 'p', 'm', 'f')
  AND schema.nspname !~ '^pg_'
  AND schema.nspname NOT IN ('information_schema', 'agentdb')
  AND relation.oid <> ALL (%(locked)s::oid[])
