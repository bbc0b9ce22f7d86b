"""The catalog: everything an adviser has to know of the tables, read without hurting anybody."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from itertools import pairwise
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from agentdb.errors import TargetBusy
from agentdb.target.catalog import Catalog, Column, Histogram, Table
from agentdb.target.connection import connect
from agentdb.target.read_catalog import read_catalog
from tests.servers import database_name, run, value, with_database

PROVIDER = """SELECT to_jsonb(here) ->> 'datlocprovider'
    FROM pg_database AS here WHERE datname = current_database()"""
VACUUM_SEES_EVERYTHING = "SET synchronous_commit = on"
"""Otherwise what was committed a moment ago cannot be marked as visible to all."""


@pytest.fixture
def url(any_target: str) -> str:
    """A database to audit, on each server."""
    return any_target


def as_role(url: str, role: str) -> str:
    """The same way in, as a role whose password is p."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:p@{host}"))


def catalog_of(url: str, *names: str) -> Catalog:
    with connect(url) as connection:
        return read_catalog(connection, names or None)


def found(catalog: Catalog, name: str, schema: str = "public") -> Table:
    table = catalog.find(schema, name)
    assert table is not None
    return table


def column_of(table: Table, name: str) -> Column:
    column = table.column(name)
    assert column is not None
    return column


# Tables -------------------------------------------------------------------------------------------


def test_tables_of_every_schema_are_found_under_their_exact_names(url: str) -> None:
    run(
        url,
        'CREATE SCHEMA "Other Shop"',
        'CREATE TABLE "Other Shop"."Weird ""Table" (" x" int, "Select" int, a int)',
        'ALTER TABLE "Other Shop"."Weird ""Table" DROP COLUMN a',
    )
    catalog = catalog_of(url)
    table = found(catalog, 'Weird "Table', "Other Shop")
    assert [column.name for column in table.columns] == [" x", "Select"]
    assert catalog.search_path == ("public",)
    assert catalog.find("", 'Weird "Table') is None
    assert catalog.extensions["pg_trgm"] == "public"
    assert catalog.way_to("pg_trgm") is None


def test_the_system_and_our_own_tables_are_left_out(url: str) -> None:
    run(
        url,
        "CREATE SCHEMA agentdb",
        "CREATE TABLE agentdb.audits (a int)",
        "CREATE TABLE public.t ()",
    )
    catalog = catalog_of(url)
    assert found(catalog, "t").columns == ()
    assert {table.schema for table in catalog.tables.values()} == {"public"}


def test_rows_are_estimated_from_the_size_before_the_first_analyze(url: str) -> None:
    run(
        url,
        "CREATE TABLE t (a int, b text) WITH (autovacuum_enabled = false)",
        "INSERT INTO t SELECT n, repeat('x', 30) FROM generate_series(1, 20000) AS n",
    )
    assert 10_000 < found(catalog_of(url), "t").rows < 40_000


def test_rows_follow_the_size_after_the_last_analyze(url: str) -> None:
    run(
        url,
        VACUUM_SEES_EVERYTHING,
        "CREATE TABLE t (a int) WITH (autovacuum_enabled = false)",
        "INSERT INTO t SELECT generate_series(1, 10000)",
        "VACUUM ANALYZE t",
        "INSERT INTO t SELECT generate_series(1, 10000)",
    )
    table = found(catalog_of(url), "t")
    assert table.rows == pytest.approx(20_000, rel=0.05)
    assert table.size_bytes == value(url, "SELECT pg_relation_size('t')")
    assert table.all_visible_fraction == 1


def test_an_empty_table_has_no_rows(url: str) -> None:
    run(url, "CREATE TABLE fresh (a int)", "CREATE TABLE emptied (a int)", "VACUUM emptied")
    catalog = catalog_of(url)
    assert (found(catalog, "fresh").rows, found(catalog, "emptied").rows) == (0, 0)


def test_kinds_of_relations_are_told_apart(url: str) -> None:
    run(
        url,
        "CREATE EXTENSION file_fdw",
        "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
        "CREATE FOREIGN TABLE f (a text) SERVER files OPTIONS (filename '/dev/null')",
        "CREATE TABLE t (a int)",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "CREATE TABLE p (a int) PARTITION BY LIST (a)",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE MATERIALIZED VIEW m AS SELECT a FROM t",
        "CREATE SEQUENCE s",
    )
    catalog = catalog_of(url)
    kinds = {table.name: table.kind for table in catalog.tables.values() if len(table.name) == 1}
    assert kinds == {
        "f": "foreign",
        "t": "table",
        "p": "partitioned",
        "v": "view",
        "m": "materialized view",
    }
    assert found(catalog, "t").has_row_security
    assert not found(catalog, "p").has_row_security


def test_a_view_is_written_out_with_every_name_qualified(url: str) -> None:
    run(
        url,
        "CREATE TABLE t (a int)",
        "CREATE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2'",
        "CREATE VIEW v AS SELECT twice(a) AS b FROM t",
    )
    view_sql = found(catalog_of(url), "v").view_sql
    assert view_sql is not None
    assert re.fullmatch(r"\s*SELECT public\.twice\((t\.)?a\) AS b\s+FROM public\.t;", view_sql)


def test_a_partitioned_table_takes_over_from_its_partitions(url: str) -> None:
    run(
        url,
        VACUUM_SEES_EVERYTHING,
        "CREATE TABLE p (at date NOT NULL, k int) PARTITION BY RANGE (at)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
        "CREATE TABLE p2 PARTITION OF p DEFAULT PARTITION BY LIST (k)",
        "CREATE TABLE p2_all PARTITION OF p2 DEFAULT",
        "INSERT INTO p SELECT '2026-01-02', 1 FROM generate_series(1, 100)",
        "INSERT INTO p SELECT '2026-03-02', 2 FROM generate_series(1, 300)",
        "VACUUM ANALYZE p1",
        "VACUUM ANALYZE p2_all",
    )
    catalog = catalog_of(url)
    parent, middle = found(catalog, "p"), found(catalog, "p2")
    first, leaf = found(catalog, "p1"), found(catalog, "p2_all")
    assert (parent.rows, middle.rows, first.rows, leaf.rows) == (400, 300, 100, 300)
    assert parent.size_bytes == first.size_bytes + leaf.size_bytes
    assert parent.all_visible_fraction == 1
    assert (parent.partition_key, middle.partition_key) == ("RANGE (at)", "LIST (k)")
    assert first.partition_bound == "FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')"
    assert (middle.partition_bound, middle.parent_oid) == ("DEFAULT", parent.oid)
    assert column_of(parent, "k").histogram == Histogram(("2",), (1.0,))
    assert column_of(parent, "k").distinct == 1
    assert catalog.partitions(parent.oid) == (first, middle)


def test_a_partitioned_table_that_was_analysed_keeps_its_own_statistics(url: str) -> None:
    run(
        url,
        "CREATE TABLE p (k int) PARTITION BY LIST (k)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
        "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)",
        "INSERT INTO p SELECT 1 + n % 2 FROM generate_series(1, 100) AS n",
        "ANALYZE p",
    )
    assert column_of(found(catalog_of(url), "p"), "k").histogram.frequencies == (0.5, 0.5)


# Columns ------------------------------------------------------------------------------------------


def test_types_are_printed_so_that_they_can_be_written_again(url: str) -> None:
    run(
        url,
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
        "ALTER TYPE mood ADD VALUE 'so so' BEFORE 'ok'",
        "CREATE DOMAIN temper AS mood",
        "CREATE TABLE t (a varchar(80) NOT NULL, b numeric(10,2), c mood, d mood[], e temper,"
        ' f text COLLATE "C", g text, h int[], i int GENERATED ALWAYS AS (1) STORED)',
    )
    table = found(catalog_of(url), "t")
    types = {column.name: (column.type_sql, column.category) for column in table.columns}
    assert types == {
        "a": ("character varying(80)", "S"),
        "b": ("numeric(10,2)", "N"),
        "c": ("public.mood", "E"),
        "d": ("public.mood[]", "A"),
        "e": ("public.temper", "E"),
        "f": ("text", "S"),
        "g": ("text", "S"),
        "h": ("integer[]", "A"),
        "i": ("integer", "N"),
    }
    assert column_of(table, "a").type_name == "character varying"
    assert [column.name for column in table.columns if column.not_null] == ["a"]
    labels = ("sad", "so so", "ok", "happy")
    assert [column_of(table, name).enum_labels for name in "cdeh"] == [labels, labels, labels, ()]
    assert column_of(table, "f").collation_sql == 'pg_catalog."C"'
    assert column_of(table, "g").collation_sql is None


def test_it_is_known_which_columns_sort_by_code_point(url: str) -> None:
    run(url, 'CREATE TABLE t (a text, b text COLLATE "C", c int, d text COLLATE ucs_basic)')
    table = found(catalog_of(url), "t")
    # The default of a database: C.UTF-8 of libc, which the planner does not trust, or the
    # builtin one of the same name, which came with 17.
    default = table.columns[0].collation_is_c
    assert default == (value(url, PROVIDER) == "b")
    assert [column.collation_is_c for column in table.columns[1:]] == [True, True, True]


def test_a_database_in_the_c_locale_sorts_by_code_point(url: str) -> None:
    name = f"{database_name(url)}_c"
    run(url, f"CREATE DATABASE \"{name}\" LOCALE 'C' TEMPLATE template0")
    try:
        run(with_database(url, name), "CREATE TABLE t (a text)")
        assert found(catalog_of(with_database(url, name)), "t").columns[0].collation_is_c
    finally:
        run(url, f'DROP DATABASE "{name}"')


def test_a_column_never_analysed_is_known_by_its_type_only(url: str) -> None:
    run(url, "CREATE TABLE t (a bigint, b text)", "INSERT INTO t VALUES (1, 'x')")
    a, b = found(catalog_of(url), "t").columns
    assert (a.width_bytes, b.width_bytes) == (8, 32)
    assert (a.distinct, a.null_fraction, a.correlation, a.histogram) == (0, 0, 0, Histogram())


def test_values_come_as_text_with_their_shares(url: str) -> None:
    run(
        url,
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TABLE t (id int, c mood, s text, a text[], j jsonb, n int)",
        """INSERT INTO t SELECT n, CASE WHEN n <= 90 THEN 'ok'::mood ELSE 'sad' END,
           CASE WHEN n <= 60 THEN 'x,"y\\' ELSE '{}' END, ARRAY['tag', 'tag ' || n % 4],
           '{"a": [1, 2]}', NULLIF(n % 2, 0) FROM generate_series(1, 100) AS n""",
        "ANALYZE t",
    )
    table = found(catalog_of(url), "t")
    assert column_of(table, "c").histogram == Histogram(("ok", "sad"), (0.9, 0.1))
    assert column_of(table, "s").histogram == Histogram(('x,"y\\', "{}"), (0.6, 0.4))
    assert column_of(table, "j").histogram.common == ('{"a": [1, 2]}',)
    tags = column_of(table, "a").histogram
    assert tags.common[0].startswith("{tag,")
    assert tags.elements == ("tag", "tag 0", "tag 1", "tag 2", "tag 3")
    assert tags.element_frequencies == (1.0, 0.25, 0.25, 0.25, 0.25)
    bounds = column_of(table, "id").histogram.bounds
    assert (bounds[0], bounds[-1]) == ("1", "100")
    assert column_of(table, "id").distinct == 100
    assert column_of(table, "id").correlation == 1
    assert column_of(table, "n").null_fraction == 0.5


def test_a_share_of_distinct_values_is_scaled_to_the_rows(url: str) -> None:
    run(
        url,
        "CREATE TABLE t (a int) WITH (autovacuum_enabled = false)",
        "INSERT INTO t SELECT n / 2 FROM generate_series(0, 9999) AS n",
        "ANALYZE t",
    )
    assert column_of(found(catalog_of(url), "t"), "a").distinct == pytest.approx(5000, rel=0.01)


def test_long_lists_of_values_are_thinned_out_evenly(url: str) -> None:
    run(
        url,
        "CREATE TABLE t (a int, b int, c int[])",
        "ALTER TABLE t ALTER a SET STATISTICS 1000, ALTER b SET STATISTICS 1000",
        "INSERT INTO t SELECT n, n % 500, ARRAY(SELECT generate_series(1, n % 300))"
        " FROM generate_series(1, 30000) AS n",
        "ANALYZE t",
    )
    a, b, c = found(catalog_of(url), "t").columns
    assert 90 <= len(a.histogram.bounds) <= 102
    assert (a.histogram.bounds[0], a.histogram.bounds[-1]) == ("1", "30000")
    steps = [int(high) - int(low) for low, high in pairwise(a.histogram.bounds)]
    assert max(steps) < 2 * 30_000 / 90
    assert len(b.histogram.common) == len(b.histogram.frequencies) == 100
    assert len(c.histogram.elements) == len(c.histogram.element_frequencies) == 100
    assert c.histogram.elements[0] == "1"


def test_values_are_read_of_named_relations_and_of_what_these_read(url: str) -> None:
    run(
        url,
        "CREATE TABLE t (a int)",
        "CREATE TABLE seen (a int)",
        "CREATE VIEW inner_view AS SELECT a FROM seen",
        "CREATE VIEW v AS SELECT a FROM inner_view",
        "CREATE TABLE p (a int) PARTITION BY LIST (a)",
        "CREATE TABLE p1 PARTITION OF p DEFAULT",
        "INSERT INTO t VALUES (1), (1)",
        "INSERT INTO seen VALUES (1), (1)",
        "INSERT INTO p VALUES (1), (1)",
        "ANALYZE",
    )

    def known(names: Collection[str]) -> list[str]:
        with connect(url) as connection:
            tables = read_catalog(connection, names).tables.values()
        assert all(table.columns[0].distinct == 1 for table in tables if table.kind == "table")
        return sorted(t.name for t in tables if any(c.histogram.common for c in t.columns))

    assert known(["t"]) == ["t"]
    assert known(["v"]) == ["seen"]
    assert known(["p"]) == ["p", "p1"]
    assert known([]) == []
    assert {"t", "seen", "p", "p1"} <= {
        table.name for table in catalog_of(url).tables.values() if table.columns[0].histogram.common
    }


# Indexes and keys ---------------------------------------------------------------------------------


def test_an_index_is_taken_apart(url: str) -> None:
    run(
        url,
        'CREATE TABLE t ("A b" text, c int, d text[], e int)',
        'CREATE INDEX i ON t (lower("A b"), c DESC, e DESC NULLS LAST, "A b" text_pattern_ops)'
        " INCLUDE (d) WITH (fillfactor = 70) WHERE c > 0",
        "CREATE INDEX j ON t USING gin (d)",
        "CREATE UNIQUE INDEX k ON t ((c + e))",
    )
    indexes = {index.name: index for index in found(catalog_of(url), "t").indexes}
    i = indexes["i"]
    assert i.keys == ('lower("A b")', "c", "e", "A b")
    assert i.key_is_column == (False, True, True, True)
    assert i.descending == (False, True, True, False)
    assert i.nulls_first == (False, True, False, False)
    assert i.opclasses == ("text_ops", "int4_ops", "int4_ops", "text_pattern_ops")
    assert i.default_opclasses == (True, True, True, False)
    assert (i.method, i.include, i.predicate) == ("btree", ("d",), "(c > 0)")
    assert (i.unique, i.primary, i.valid, i.size_bytes) == (False, False, True, 8192)
    assert i.definition.startswith("CREATE INDEX i ON public.t USING btree (lower(")
    assert (indexes["j"].method, indexes["j"].opclasses) == ("gin", ("array_ops",))
    assert (indexes["k"].keys, indexes["k"].unique) == (("(c + e)",), True)


def test_an_index_that_was_never_finished_is_not_valid(url: str) -> None:
    run(url, "CREATE TABLE t (a int PRIMARY KEY, b int)", "INSERT INTO t VALUES (1, 1), (2, 1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(url, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (b)")
    indexes = {index.name: index for index in found(catalog_of(url), "t").indexes}
    assert (indexes["i"].valid, indexes["t_pkey"].valid) == (False, True)
    assert (indexes["i"].primary, indexes["t_pkey"].primary) == (False, True)


def test_a_foreign_key_is_listed_once_even_to_a_partitioned_table(url: str) -> None:
    run(
        url,
        "CREATE TABLE p (a int, b int, PRIMARY KEY (b, a)) PARTITION BY LIST (a)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
        "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)",
        "CREATE TABLE t (x int, y int, CONSTRAINT t_to_p FOREIGN KEY (y, x) REFERENCES p (b, a))",
        "CREATE TABLE q (x int, y int, FOREIGN KEY (y, x) REFERENCES p (b, a))"
        " PARTITION BY LIST (x)",
        "CREATE TABLE q1 PARTITION OF q DEFAULT",
    )
    catalog = catalog_of(url)
    (key,) = found(catalog, "t").foreign_keys
    assert (key.name, key.columns, key.referenced_columns) == ("t_to_p", ("y", "x"), ("b", "a"))
    assert key.referenced_oid == found(catalog, "p").oid
    assert len(found(catalog, "q").foreign_keys) == 1
    assert len(found(catalog, "q1").foreign_keys) == 1


# A good guest -------------------------------------------------------------------------------------


def test_a_table_that_is_being_altered_is_left_out_and_named(url: str) -> None:
    run(
        url,
        "CREATE TABLE t (a int PRIMARY KEY)",
        "CREATE TABLE other (a int)",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE VIEW w AS SELECT a FROM other",
    )
    with psycopg.connect(url) as owner, connect(url) as connection:
        owner.execute("ALTER TABLE t ADD b int")
        started = time.monotonic()
        catalog = read_catalog(connection)
        assert time.monotonic() - started < 3
        owner.rollback()
        assert catalog.locked == ("public.t", "public.v")
        assert catalog.find("public", "t") is None
        assert catalog.find("public", "v") is None
        assert found(catalog, "other").name == "other"
        assert found(catalog, "w").view_sql is not None
        assert read_catalog(connection).locked == ()


def test_a_table_whose_index_is_being_altered_is_left_out(url: str) -> None:
    run(url, "CREATE TABLE t (a int)", "CREATE INDEX i ON t (a) WHERE a > 0")
    with psycopg.connect(url) as owner:
        owner.execute("ALTER INDEX i SET (fillfactor = 50)")
        owner.execute("REINDEX INDEX i")
        assert catalog_of(url).locked == ("public.t",)


def test_reading_gives_up_when_the_systems_own_tables_are_locked(url: str) -> None:
    with psycopg.connect(url) as owner, connect(url, lock_timeout_ms=50) as connection:
        owner.execute("LOCK TABLE pg_enum IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TargetBusy, match="run the audit again in a moment"):
            read_catalog(connection)


def test_a_role_sees_which_tables_it_may_read(url: str) -> None:
    role = f"reader_of_{database_name(url)}"
    run(
        url,
        "CREATE TABLE open (a int)",
        "CREATE TABLE shut (a int)",
        "CREATE SCHEMA attic",
        "CREATE TABLE attic.open (a int)",
        "INSERT INTO open VALUES (1), (1)",
        "INSERT INTO shut VALUES (1), (1)",
        "ANALYZE",
        f"CREATE ROLE {role} LOGIN PASSWORD 'p'",
        f"GRANT SELECT ON open, attic.open TO {role}",
    )
    try:
        catalog = catalog_of(as_role(url, role))
        readable = {(t.schema, t.name): t.readable for t in catalog.tables.values()}
        assert readable["public", "open"]
        assert not readable["public", "shut"]
        assert not readable["attic", "open"]
        assert found(catalog, "open").columns[0].histogram.common == ("1",)
        assert found(catalog, "shut").columns[0].histogram == Histogram()
        assert found(catalog, "shut").rows == 2
    finally:
        run(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_two_hundred_tables_take_no_more_statements_than_two(url: str) -> None:
    role = f"counted_in_{database_name(url)}"
    run(url, f"CREATE ROLE {role} LOGIN PASSWORD 'p'", "CREATE TABLE t1 (a int)")
    counted = as_role(url, role)
    sent = (
        "SELECT sum(calls)::int FROM pg_stat_statements JOIN pg_roles ON oid = userid"
        f" WHERE rolname = '{role}'"
    )
    try:
        catalog_of(counted)
        few = value(url, sent)
        run(url, *(f"CREATE TABLE u{n} (a int PRIMARY KEY)" for n in range(200)))
        assert len(catalog_of(counted).tables) > 200
        many = value(url, sent)
        assert isinstance(few, int)
        assert 0 < few < 15
        assert many == 2 * few
    finally:
        run(url, f"DROP ROLE {role}")
