-- A database full of traps. Whatever any of them does shows in `canary`, `canary_seq`, a file, a
-- slot, a lock, a notification or another session.

CREATE EXTENSION dblink;
CREATE EXTENSION tablefunc;
CREATE EXTENSION hstore;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION tsm_system_rows;
CREATE EXTENSION citext;

CREATE TABLE canary (id integer PRIMARY KEY, note text);
INSERT INTO canary VALUES (1, 'one'), (2, 'two'), (3, 'three');
CREATE SEQUENCE canary_seq;
CREATE TABLE way_in (conninfo text);  -- the test puts it in

CREATE TABLE orders (
    id integer PRIMARY KEY,
    status text NOT NULL,
    tags text[] NOT NULL,
    total numeric NOT NULL,
    payload jsonb NOT NULL,
    made_at timestamptz NOT NULL
);
INSERT INTO orders
SELECT n, 'open', ARRAY['a', 'b'], n, '{"a": [1, 2]}', now()
FROM generate_series(1, 100) AS n;

-- It writes through a connection of its own, so that no rollback takes it back.
CREATE FUNCTION escape(why text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dblink_exec(
        (SELECT conninfo FROM way_in),
        format('INSERT INTO canary SELECT max(id) + 1, %L FROM canary', why)
    );
    PERFORM nextval('canary_seq');
    RETURN 1;
END $$;

CREATE FUNCTION evil() RETURNS integer LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN escape('evil'); END $$;
CREATE FUNCTION evil(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RETURN escape('evil integer'); END $$;
CREATE FUNCTION evil(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RETURN escape('evil texts') = 1; END $$;
CREATE FUNCTION evil_text(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RETURN escape('evil text') = 1; END $$;
CREATE FUNCTION evil_sql(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT evil($1)';
CREATE FUNCTION evil_rows() RETURNS SETOF integer LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN NEXT escape('evil rows'); END $$;
CREATE FUNCTION evil_definer() RETURNS integer LANGUAGE plpgsql STABLE SECURITY DEFINER AS
    $$ BEGIN RETURN escape('evil definer'); END $$;
CREATE FUNCTION evil_of_order(orders) RETURNS integer LANGUAGE plpgsql STABLE AS
    $$ BEGIN RETURN escape('evil of a row'); END $$;
CREATE FUNCTION evil_any(anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM escape('evil of anything'); RETURN $1; END $$;
CREATE FUNCTION evil_step(integer, integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RETURN escape('evil step'); END $$;
CREATE FUNCTION evil_distance(float8, float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RETURN escape('evil distance'); END $$;
CREATE FUNCTION nap(float8) RETURNS void LANGUAGE internal IMMUTABLE STRICT AS 'pg_sleep';
CREATE PROCEDURE evil_procedure() LANGUAGE plpgsql AS
    $$ BEGIN PERFORM escape('evil procedure'); END $$;

-- The same name as a built-in function, for other arguments.
CREATE FUNCTION lower(integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM escape('evil lower'); RETURN ''; END $$;

CREATE OPERATOR ### (LEFTARG = text, RIGHTARG = text, FUNCTION = evil);
CREATE OPERATOR !!! (RIGHTARG = float8, FUNCTION = pg_sleep);
CREATE AGGREGATE evil_sum(integer) (SFUNC = evil_step, STYPE = integer, INITCOND = '0');
CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');

CREATE TYPE taste AS ENUM ('sweet', 'sour');
CREATE FUNCTION evil_taste(integer) RETURNS taste LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM escape('evil cast'); RETURN 'sour'; END $$;
CREATE CAST (integer AS taste) WITH FUNCTION evil_taste(integer) AS IMPLICIT;

CREATE TYPE mood AS ENUM ('glad', 'sad');
-- Nothing in a statement's tree shows these: to_json() and || look for a cast when they run.
CREATE FUNCTION evil_json(mood) RETURNS json LANGUAGE plpgsql STABLE AS
    $$ BEGIN PERFORM escape('evil json'); RETURN '1'; END $$;
CREATE CAST (mood AS json) WITH FUNCTION evil_json(mood);
CREATE TYPE colour AS ENUM ('red', 'blue');
CREATE FUNCTION evil_colour(colour) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM escape('evil colour'); RETURN ''; END $$;
CREATE CAST (colour AS text) WITH FUNCTION evil_colour(colour) AS ASSIGNMENT;
CREATE TABLE feelings (id integer, felt mood, seen colour);
INSERT INTO feelings VALUES (1, 'glad', 'red');

CREATE DOMAIN evil_domain AS text CHECK (evil_text(VALUE));
CREATE DOMAIN good_domain AS text CHECK (VALUE <> '');
CREATE TYPE evil_pair AS (a evil_domain, b integer);
CREATE TYPE evil_range AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = evil_distance);
CREATE TABLE notes (id integer, plain good_domain, many evil_domain[], pair evil_pair);
CREATE TABLE spans (id integer, span evil_range);

CREATE VIEW evil_view AS SELECT id, evil(id) AS e FROM canary;
CREATE VIEW evil_over_view AS SELECT id FROM evil_view WHERE id > 0;
CREATE VIEW nap_view AS SELECT pg_sleep(60)::text AS nap;
CREATE VIEW good_view AS SELECT id, upper(status) AS status FROM orders;
CREATE MATERIALIZED VIEW evil_snapshot AS SELECT evil_any(id) AS id FROM canary WITH NO DATA;

CREATE TABLE guarded (id integer);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY evil_policy ON guarded USING (evil_text(id::text));
CREATE TABLE owned (id integer, owner text);
ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
CREATE POLICY good_policy ON owned USING (owner = current_setting('app.user', true));

CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'elsewhere');
CREATE FOREIGN TABLE far_away (id integer) SERVER elsewhere;
CREATE TABLE parted (id integer) PARTITION BY LIST (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE FOREIGN TABLE parted_2 PARTITION OF parted FOR VALUES IN (2) SERVER elsewhere;

CREATE SCHEMA games;
CREATE FUNCTION games.now() RETURNS timestamptz LANGUAGE plpgsql STABLE AS
    $$ BEGIN PERFORM public.escape('evil now'); RETURN pg_catalog.now(); END $$;
CREATE FUNCTION games.same(integer, integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM public.escape('evil equals'); RETURN true; END $$;
CREATE OPERATOR games.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = games.same);
