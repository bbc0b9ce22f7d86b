-- Whose rows are seen, by every way to them, and the function that searches under that rule.
--
-- Who is subject to row-level security announces a tenant for the transaction,
-- set_config('agentdb.tenant', …, true), and sees and writes that tenant's rows alone; who
-- announces none gets an error. Superusers, roles with BYPASSRLS and the owner of the tables are
-- not subject to it.
--
-- Statements end with a line of their own: `-- ;`. A word with an @ in front stands for what the
-- file beside this one, in Python, says.

CREATE FUNCTION agentdb.no_tenant() RETURNS text
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RAISE insufficient_privilege USING
        MESSAGE = 'no tenant is announced: SELECT set_config(''agentdb.tenant'', …, true) first',
        HINT = 'The repositories of agentdb announce theirs in each transaction.';
END
$$;
-- ;
-- The tenant that is announced. In SQL, so that it becomes a part of the statement: an index on
-- the tenant is used, and the error comes when the statement is planned, rows or none.
CREATE FUNCTION agentdb.tenant() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT coalesce(nullif(current_setting('agentdb.tenant', true), ''), agentdb.no_tenant())
$$;
-- ;
-- Let a table with a column `tenant` be seen by its tenants, each its own rows; or take it back.
CREATE FUNCTION agentdb.isolate(relation regclass, isolated boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE 'DROP POLICY IF EXISTS one_tenant ON ' || relation;
    IF isolated THEN
        EXECUTE 'ALTER TABLE ' || relation || ' ENABLE ROW LEVEL SECURITY';
        EXECUTE 'CREATE POLICY one_tenant ON ' || relation
            || ' USING (tenant = agentdb.tenant()) WITH CHECK (tenant = agentdb.tenant())';
    ELSE
        EXECUTE 'ALTER TABLE ' || relation || ' DISABLE ROW LEVEL SECURITY';
    END IF;
END
$$;
-- ;
SELECT agentdb.isolate('agentdb.entries');
-- ;
-- What is found: the entry, and why. `vector_rank` and `keyword_rank` are the places in the two
-- arms by themselves; `path` says how vectors were compared: hnsw, exact, or words where none was.
CREATE TYPE agentdb.found AS (
    id bigint,
    tenant text,
    namespace text,
    kind text,
    subject text,
    key text,
    agent text,
    content text,
    metadata jsonb,
    importance double precision,
    times bigint,
    created_at timestamptz,
    valid_from timestamptz,
    valid_to timestamptz,
    expires_at timestamptz,
    score double precision,
    similarity double precision,
    vector_rank integer,
    coverage double precision,
    keyword_rank integer,
    path text
);
-- ;
-- The rows in scope that the index over vectors gives first, `width` of them, the nearest `depth`
-- of which are returned, in order. Planned once, as any plan but this one would be wrong.
CREATE FUNCTION agentdb.nearest(
    tenant text,
    vector halfvec,
    width integer,
    depth integer,
    namespace text,
    kinds text[],
    subject text,
    agent text,
    filter jsonpath,
    moment timestamptz,
    today timestamptz,
    OUT ids bigint[],
    OUT similarities float8[]
)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_sort = off
SET hnsw.ef_search = 100
SET hnsw.iterative_scan = relaxed_order
SET hnsw.max_scan_tuples = 20000
AS $$
#variable_conflict use_column
BEGIN
    SELECT array_agg(n.id), array_agg(1 - n.distance)
    INTO ids, similarities
    FROM (
        SELECT every.id, every.distance
        FROM (
            SELECT e.id, e.embedding <=> nearest.vector AS distance
            FROM agentdb.entries AS e
            WHERE e.embedding IS NOT NULL AND @NEAREST_SCOPE
            ORDER BY e.embedding <=> nearest.vector
            LIMIT width
        ) AS every
        ORDER BY every.distance + 0, every.id  -- the index gives them only about in order
        LIMIT depth
    ) AS n;
END
$$;
-- ;
-- Any search, without asking whose it is: that is agentdb.search's, which calls it.
--
-- How many rows are in scope is estimated from a sample: some lines of pages that lie evenly apart.
-- Where they may be 12,000 or fewer, they are compared one by one, and counted while at it. Else
-- the HNSW index is read on until it gives enough, and all are compared where it does not.
--
-- Words: any of the terms, each weighed by how rare it is in what is searched (IDF). `coverage` is
-- the weight of the terms found, of all (0 to 1). The score is coverage plus cosine similarity,
-- times what importance and, with a half-life, age add or take: a tenth at the most each.
CREATE FUNCTION agentdb.search_within(
    tenant text,
    query text,
    vector halfvec,
    k integer,
    namespace text,
    kinds text[],
    subject text,
    agent text,
    filter jsonpath,
    as_of timestamptz,
    half_life interval
)
RETURNS SETOF agentdb.found
LANGUAGE plpgsql STABLE ROWS 10
SET jit = off
SET max_parallel_workers_per_gather = 0
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = on
SET enable_sort = on
AS $$
#variable_conflict use_column
DECLARE
    most_exact CONSTANT integer := 12000;
    depth CONSTANT integer := CASE WHEN query IS NULL THEN k ELSE greatest(60, 2 * k) END;
    most_of_a_term CONSTANT integer := greatest(2000, depth);
    most_matches CONSTANT integer := greatest(5000, depth);
    -- Not now(), when the transaction began: what it has ended since then has ended.
    today CONSTANT timestamptz := clock_timestamp();
    moment CONSTANT timestamptz := coalesce(as_of, today);
    pages CONSTANT bigint := pg_relation_size('agentdb.entries')
        / current_setting('block_size')::integer;
    held bigint := 0;
    kept bigint := 0;
    is_large boolean := false;
    width integer;
    most integer;
    near bigint[] := '{}';
    nearness float8[] := '{}';
    is_short boolean;
    terms tsquery[];
    path text := 'words';
BEGIN
    IF pages > 64 THEN
        SELECT count(*) FILTER (WHERE @IN_SCOPE) * pages / 32, count(*) * pages / 32
        INTO held, kept
        FROM agentdb.entries AS e
        WHERE e.ctid = ANY (ARRAY(
            SELECT (page.head || line.tail)::tid
            FROM (SELECT '(' || n * pages / 32 AS head FROM generate_series(0, 31) AS n) AS page
            CROSS JOIN (
                VALUES (',1)'), (',2)'), (',3)'), (',4)'), (',5)'), (',6)'), (',7)'), (',8)')
            ) AS line (tail)
        ));
        -- What is a small part of all may be few, and there the index finds less than there is.
        -- Words alone have no need of it: a tenth more or less weighs a word as well.
        is_large := held > most_exact AND held >= kept / 4
            OR held > 1000 AND search_within.vector IS NULL;
    END IF;
    -- Where the nearest are left out, what the index gives next is less in order: take more.
    width := CASE WHEN held * 2 >= kept AND num_nonnulls(kinds, subject, agent, filter, as_of) = 0
        THEN depth ELSE greatest(1000, 10 * depth) END;

    FOREACH most IN ARRAY ARRAY[most_exact + 1, NULL] LOOP
        IF most IS NULL OR NOT is_large THEN
            SELECT
                coalesce(max(n.held), 0),
                array_agg(n.id) FILTER (WHERE n.distance IS NOT NULL),
                array_agg(1 - n.distance) FILTER (WHERE n.distance IS NOT NULL)
            INTO held, near, nearness
            FROM (
                SELECT every.id, every.distance, count(*) OVER () AS held
                FROM (
                    SELECT e.id, e.embedding <=> search_within.vector AS distance
                    FROM agentdb.entries AS e
                    WHERE @IN_SCOPE
                    LIMIT most
                ) AS every
                ORDER BY every.distance, every.id
                LIMIT depth
            ) AS n;
            path := CASE WHEN search_within.vector IS NULL THEN 'words' ELSE 'exact' END;
            EXIT WHEN most IS NULL OR held <= most_exact;
        END IF;
        EXIT WHEN search_within.vector IS NULL;
        SELECT n.ids, n.similarities
        INTO near, nearness
        FROM agentdb.nearest(
            search_within.tenant, search_within.vector, width, depth,
            search_within.namespace, kinds, search_within.subject, search_within.agent, filter,
            moment, today
        ) AS n;
        path := CASE WHEN agentdb.has_vector_index() THEN 'hnsw' ELSE 'exact' END;
        EXIT WHEN cardinality(near) >= k;
    END LOOP;

    IF query IS NULL THEN
        RETURN QUERY
        SELECT
            @ENTRY,
            n.similarity * @BOOST AS score,
            n.similarity,
            n.place::integer,
            NULL::float8,
            NULL::integer,
            path
        FROM unnest(near, nearness) WITH ORDINALITY AS n (id, similarity, place)
        JOIN agentdb.entries AS e ON e.id = n.id
        ORDER BY score DESC, n.place;
        RETURN;
    END IF;

    is_short := coalesce(cardinality(near), 0) < k;
    SELECT array_agg(asked.term) INTO terms FROM agentdb.terms(query) AS asked;
    RETURN QUERY
    WITH hit AS MATERIALIZED (
        SELECT asked.term, e.id, e.words
        FROM unnest(terms) AS asked (term)
        LEFT JOIN LATERAL (
            SELECT e.id, e.words
            FROM agentdb.entries AS e
            WHERE e.words @@ asked.term AND @IN_SCOPE
            LIMIT most_of_a_term
        ) AS e ON true
    ),
    counted AS MATERIALIZED (
        SELECT
            found.term,
            found.rows,
            row_number() OVER rarest_first AS place,
            sum(found.rows) OVER rarest_first AS together,
            lag(found.rows) OVER rarest_first AS rows_before,
            ln(1 + (greatest(held, found.rows) - likely.rows + 0.5) / (likely.rows + 0.5))
                AS weight
        FROM (SELECT h.term, count(h.id) AS rows FROM hit AS h GROUP BY h.term) AS found
        CROSS JOIN LATERAL (
            -- Of a term that is counted no further: between what was counted and all.
            SELECT CASE WHEN found.rows < most_of_a_term THEN found.rows::float8
                ELSE sqrt(found.rows::float8 * greatest(held, found.rows)) END AS rows
        ) AS likely
        WINDOW rarest_first AS (ORDER BY found.rows, found.term)
    ),
    whole AS (SELECT sum(c.weight) AS weight FROM counted AS c),
    -- The rarest terms decide which rows are looked at; more common ones too, until one by itself
    -- has as many as are asked for, where vectors have not found as many.
    matched AS MATERIALIZED (
        SELECT DISTINCT ON (h.id) h.id, h.words
        FROM hit AS h
        JOIN counted AS c USING (term)
        WHERE h.id IS NOT NULL
          AND (c.place = 1 OR (c.rows < most_of_a_term AND c.together <= most_matches)
              OR (is_short AND c.rows_before < k))
        ORDER BY h.id
    ),
    covered AS MATERIALIZED (
        SELECT
            m.id,
            (SELECT sum(c.weight) FROM counted AS c WHERE m.words @@ c.term) / whole.weight
                AS coverage,
            length(m.words) AS length
        FROM matched AS m CROSS JOIN whole
    ),
    by_words AS (
        SELECT c.id, row_number() OVER (ORDER BY c.coverage DESC, c.length, c.id) AS place
        FROM covered AS c
        ORDER BY place
        LIMIT depth
    ),
    by_vector AS (
        SELECT n.id, n.similarity, n.place
        FROM unnest(near, nearness) WITH ORDINALITY AS n (id, similarity, place)
    ),
    fused AS (
        SELECT
            coalesce(w.id, v.id) AS id,
            v.similarity,
            v.place AS vector_rank,
            w.place AS keyword_rank
        FROM by_words AS w
        FULL JOIN by_vector AS v ON v.id = w.id
    )
    SELECT
        @ENTRY,
        ((said.similarity + said.coverage) * @BOOST)::float8 AS score,
        said.similarity,
        f.vector_rank::integer,
        said.coverage,
        f.keyword_rank::integer,
        path
    FROM fused AS f
    JOIN agentdb.entries AS e ON e.id = f.id
    LEFT JOIN covered AS c ON c.id = f.id
    CROSS JOIN LATERAL (
        SELECT
            coalesce(f.similarity, 1 - (e.embedding <=> search_within.vector), 0) AS similarity,
            coalesce(c.coverage, 0)::float8 AS coverage
    ) AS said
    ORDER BY score DESC, e.id
    LIMIT k;
END
$$;
-- ;
-- Whether an index over the vectors can be asked; nearly always it has the name that we give it.
CREATE FUNCTION agentdb.has_vector_index() RETURNS boolean
LANGUAGE plpgsql STABLE
SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    IF (
        SELECT i.indisvalid
        FROM pg_catalog.pg_index AS i
        WHERE i.indexrelid = to_regclass('agentdb.entries_embedding_idx')
    ) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (
        SELECT
        FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
        WHERE i.indrelid = 'agentdb.entries'::regclass AND i.indisvalid AND a.amname = 'hnsw'
    );
END
$$;
-- ;
-- The rows that a text and a vector find together, best first: always k of them, or all there are.
-- Without a text by the vector alone, without a vector by the words alone; without a namespace in
-- all of them. Scores and paths: see agentdb.search_within.
--
-- It reads as its owner, since the operators of words, metadata and vectors would lose their
-- indexes under row-level security. So it asks itself whose rows the caller may see.
CREATE FUNCTION agentdb.search(
    tenant text,
    query text DEFAULT NULL,
    vector halfvec DEFAULT NULL,
    k integer DEFAULT 10,
    namespace text DEFAULT NULL,
    kinds text[] DEFAULT NULL,
    subject text DEFAULT NULL,
    agent text DEFAULT NULL,
    filter jsonpath DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    half_life interval DEFAULT NULL
)
RETURNS SETOF agentdb.found
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10
-- What is asked here is planned once, and by these settings for the index over vectors.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_sort = off
SET hnsw.ef_search = 100
SET hnsw.iterative_scan = off
AS $$
#variable_conflict use_column
DECLARE
    today CONSTANT timestamptz := clock_timestamp();
    pages CONSTANT bigint := pg_relation_size('agentdb.entries')
        / current_setting('block_size')::integer;
    -- Lines of a page. As text they are made sooner than by a query.
    six CONSTANT text := '{"(p,1)","(p,2)","(p,3)","(p,4)","(p,5)","(p,6)"}';
    lines tid[];
    seen integer;
    mine integer;
    has_index boolean;
    whose text;
    is_most boolean;
BEGIN
    IF search.tenant = '' OR (search.tenant = current_setting('agentdb.tenant', true)) IS NOT TRUE
    THEN
        PERFORM agentdb.require_tenant(search.tenant);
    END IF;

    -- A glance: where most rows are the tenant's, the hundred nearest of all are asked for. If k of
    -- them are in scope, these are the k nearest in scope, whatever else there is.
    IF query IS NULL AND vector IS NOT NULL AND namespace IS NOT NULL AND k <= 25 AND pages > 64
        AND num_nonnulls(kinds, subject, agent, filter, as_of) = 0
    THEN
        -- Once a session and scope: should it hold no more, this takes longer and finds the same.
        whose := hashtextextended(concat_ws(E'\x1f', search.tenant, namespace,
            to_regclass('agentdb.entries_embedding_idx')::oid), 0)::text;
        is_most := whose = current_setting('agentdb.most_are', true);
        IF is_most IS NOT TRUE THEN
            lines := replace(six, 'p', '0')::tid[] || replace(six, 'p', (pages / 4)::text)::tid[]
                || replace(six, 'p', (pages / 2)::text)::tid[]
                || replace(six, 'p', (pages * 3 / 4)::text)::tid[];
            SELECT count(*), count(*) FILTER (WHERE @PLAIN_SCOPE), (
                SELECT i.indisvalid
                FROM pg_index AS i
                WHERE i.indexrelid = to_regclass('agentdb.entries_embedding_idx')
            )
            INTO seen, mine, has_index
            FROM agentdb.entries AS e
            WHERE e.ctid = ANY (lines);
            is_most := mine * pages / 4 > 12000 AND mine * 2 >= seen AND has_index;
            IF is_most THEN
                PERFORM set_config('agentdb.most_are', whose, false);
            END IF;
        END IF;
        IF is_most THEN
            RETURN QUERY
            SELECT
                @ENTRY,
                e.similarity * @BOOST AS score,
                e.similarity,
                e.place::integer,
                NULL::float8,
                NULL::integer,
                'hnsw'
            FROM (
                -- The index orders by vectors of length 1, rounded: what is as near may change places.
                SELECT
                    n.*,
                    row_number() OVER every AS place,
                    count(*) OVER every AS found
                FROM (
                    SELECT @ENTRY, 1 - (e.embedding <=> search.vector) AS similarity
                    FROM agentdb.entries AS e
                    WHERE e.embedding IS NOT NULL AND @PLAIN_SCOPE
                    ORDER BY e.embedding <=> search.vector
                    LIMIT k
                ) AS n
                WINDOW every AS (
                    ORDER BY n.similarity DESC, n.id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                )
            ) AS e
            WHERE e.found = k
            ORDER BY score DESC, e.place;
            IF FOUND THEN
                RETURN;
            END IF;
            PERFORM set_config('agentdb.most_are', '', false);
        END IF;
    END IF;

    RETURN QUERY SELECT * FROM agentdb.search_within(
        search.tenant, query, vector, k, namespace, kinds, subject, agent, filter, as_of, half_life
    );
END
$$;
-- ;
-- The guard of what reads as its owner: the caller has announced this tenant, or is not subject to
-- row-level security.
CREATE FUNCTION agentdb.require_tenant(tenant text) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    -- Not current_user: that is the owner by now.
    caller CONSTANT name := coalesce(nullif(current_setting('role', true), 'none'), session_user);
BEGIN
    IF tenant IS NULL OR tenant = '' THEN
        RAISE null_value_not_allowed USING MESSAGE = 'a search needs a tenant: name whose rows';
    END IF;
    IF tenant = current_setting('agentdb.tenant', true) OR pg_has_role(caller, current_user, 'USAGE')
    THEN
        RETURN;
    END IF;
    IF (SELECT r.rolbypassrls FROM pg_catalog.pg_roles AS r WHERE r.rolname = caller) THEN
        RETURN;
    END IF;
    IF agentdb.tenant() <> tenant THEN
        RAISE insufficient_privilege USING MESSAGE =
            'what is ' || tenant || '''s cannot be searched as ' || agentdb.tenant();
    END IF;
END
$$;
-- ;
-- What reads as its owner finds its names where the extensions live, not where the caller points.
DO $$
DECLARE
    home CONSTANT text := (
        SELECT quote_ident(n.nspname) FROM pg_extension AS x JOIN pg_namespace AS n
        ON n.oid = x.extnamespace WHERE x.extname = 'vector'
    );
BEGIN
    EXECUTE 'ALTER FUNCTION agentdb.search SET search_path = pg_catalog, ' || home || ', pg_temp';
END
$$;
-- ;
REVOKE EXECUTE ON FUNCTION agentdb.search, agentdb.search_within, agentdb.isolate FROM PUBLIC;
