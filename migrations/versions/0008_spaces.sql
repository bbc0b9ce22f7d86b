-- The vectors of one model at a time are searched: they are in the column `embedding`, whatever
-- its model and dimension. Those of another are filled in beside it, in `embedding_` and the
-- number of their space, and take over by a change of names, in one transaction.
-- Statements end with a line of their own: `-- ;`.

ALTER TABLE agentdb.embedding_spaces
    ADD COLUMN version text DEFAULT '' NOT NULL,
    ADD COLUMN indexed boolean DEFAULT false NOT NULL,
    ADD COLUMN retired_at timestamptz;
-- ;
-- Past fixes are compared one by one, and with those of their own model: of any dimension.
ALTER TABLE agentdb.optimizations ALTER COLUMN embedding TYPE vector;
-- ;
CREATE TABLE agentdb.document_versions (
    tenant text NOT NULL,
    namespace text DEFAULT '' NOT NULL,
    source text NOT NULL,
    number integer NOT NULL,
    version text NOT NULL,
    text_hash text NOT NULL,
    title text NOT NULL,
    chunks integer NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT document_versions_pkey PRIMARY KEY (tenant, namespace, source, number)
);
-- ;
-- A text that changes has lost its vector in every space but the one that its writer knows. Of what
-- is kept under a key the hash is that of the key: it stays when the text changes.
CREATE FUNCTION agentdb.watch_space(space integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    EXECUTE format(
        'CREATE FUNCTION agentdb.forget_embedding_%1$s() RETURNS trigger LANGUAGE plpgsql AS '
        '''BEGIN NEW.embedding_%1$s := NULL; RETURN NEW; END''',
        space
    );
    EXECUTE format(
        'CREATE TRIGGER forget_embedding_%1$s BEFORE UPDATE OF content, content_hash '
        'ON agentdb.entries FOR EACH ROW WHEN (OLD.content IS DISTINCT FROM NEW.content '
        'OR OLD.content_hash IS DISTINCT FROM NEW.content_hash) '
        'EXECUTE FUNCTION agentdb.forget_embedding_%1$s()',
        space
    );
END
$$;
-- ;
CREATE FUNCTION agentdb.unwatch_space(space integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    EXECUTE format('DROP TRIGGER forget_embedding_%s ON agentdb.entries', space);
    EXECUTE format('DROP FUNCTION agentdb.forget_embedding_%s()', space);
END
$$;
-- ;
-- Makes room for the vectors of another model, and returns the number of its space.
CREATE FUNCTION agentdb.open_space(model text, dimension integer, version text) RETURNS integer
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    space integer;
BEGIN
    -- What is kept already, if nobody has said so: vectors of callers, or none.
    INSERT INTO agentdb.embedding_spaces (model, dimension)
    SELECT '', a.atttypmod
    FROM pg_attribute AS a
    WHERE a.attrelid = 'agentdb.entries'::regclass AND a.attname = 'embedding'
    ON CONFLICT DO NOTHING;
    INSERT INTO agentdb.embedding_spaces (model, dimension, version, is_current)
    VALUES (open_space.model, open_space.dimension, open_space.version, false)
    RETURNING id INTO space;
    EXECUTE format(
        'ALTER TABLE agentdb.entries ADD COLUMN embedding_%s halfvec(%s)', space, dimension
    );
    EXECUTE format('ALTER TABLE agentdb.entries ALTER COLUMN embedding_%s SET STORAGE MAIN', space);
    PERFORM agentdb.watch_space(space);
    RETURN space;
END
$$;
-- ;
-- Lets nobody write for the rest of the transaction; everybody may read.
CREATE FUNCTION agentdb.hold_entries() RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    LOCK TABLE agentdb.entries IN SHARE ROW EXCLUSIVE MODE;
END
$$;
-- ;
-- Lets the vectors of a space be the ones that are written and searched from now on; those of
-- the one before stay beside them. Needs the table for a moment; false, with nothing done, where
-- an entry has no vector there yet.
CREATE FUNCTION agentdb.switch_space(space integer) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    before CONSTANT integer := (SELECT s.id FROM agentdb.embedding_spaces AS s WHERE s.is_current);
    missing bigint;
BEGIN
    LOCK TABLE agentdb.entries IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'SELECT count(*) FROM (SELECT FROM agentdb.entries '
        'WHERE embedding_%s IS NULL AND btrim(content) <> '''' LIMIT 1) AS m',
        space
    ) INTO missing;
    IF missing > 0 THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE agentdb.entries RENAME COLUMN embedding TO embedding_%s', before);
    EXECUTE format('ALTER TABLE agentdb.entries RENAME COLUMN embedding_%s TO embedding', space);
    EXECUTE format(
        'ALTER INDEX IF EXISTS agentdb.entries_embedding_idx RENAME TO entries_embedding_%s_idx',
        before
    );
    EXECUTE format(
        'ALTER INDEX IF EXISTS agentdb.entries_embedding_%s_idx RENAME TO entries_embedding_idx',
        space
    );
    PERFORM agentdb.unwatch_space(space);
    PERFORM agentdb.watch_space(before);
    UPDATE agentdb.embedding_spaces
    SET is_current = false, retired_at = clock_timestamp() WHERE id = before;
    UPDATE agentdb.embedding_spaces SET is_current = true, retired_at = NULL WHERE id = space;
    RETURN true;
END
$$;
-- ;
-- Forgets the vectors of a space that is not the current one.
CREATE FUNCTION agentdb.drop_space(space integer) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
    PERFORM agentdb.unwatch_space(space);
    EXECUTE format('ALTER TABLE agentdb.entries DROP COLUMN embedding_%s', space);
    DELETE FROM agentdb.embedding_spaces WHERE id = space AND NOT is_current;
END
$$;
-- ;
SELECT agentdb.isolate('agentdb.document_versions');
-- down ;
SELECT agentdb.drop_space(s.id) FROM agentdb.embedding_spaces AS s WHERE NOT s.is_current;
-- ;
DROP FUNCTION agentdb.drop_space, agentdb.switch_space, agentdb.hold_entries, agentdb.open_space,
    agentdb.unwatch_space, agentdb.watch_space;
-- ;
DROP TABLE agentdb.document_versions;
-- ;
-- What does not fit the columns that were is lost; it can be embedded again.
UPDATE agentdb.optimizations SET embedding = NULL WHERE vector_dims(embedding) <> 384;
-- ;
ALTER TABLE agentdb.optimizations ALTER COLUMN embedding TYPE vector(384);
-- ;
DELETE FROM agentdb.embedding_spaces WHERE dimension <> 384;
-- ;
UPDATE agentdb.entries SET embedding = NULL WHERE vector_dims(embedding) <> 384;
-- ;
ALTER TABLE agentdb.entries ALTER COLUMN embedding TYPE halfvec(384);
-- ;
ALTER TABLE agentdb.embedding_spaces
    DROP COLUMN version, DROP COLUMN indexed, DROP COLUMN retired_at;
