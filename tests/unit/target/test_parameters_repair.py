"""Texts of pg_stat_statements, made whole."""

from __future__ import annotations

import pytest

from agentdb.target.parameters import read_part, repair
from agentdb.target.parameters.alignment import captured
from agentdb.target.syntax import Unparsable, deparse, parse_one


def repaired(text: str) -> str:
    return deparse(repair(text).tree)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("SELECT interval $1", "SELECT $1::interval"),
        ("SELECT interval $1 day", "SELECT $1::interval day"),
        ("SELECT interval(0) $1", "SELECT $1::interval(0)"),
        ("SELECT interval($1) $2", "SELECT $2::interval"),
        ("SELECT interval $1 second($2)", "SELECT $1::interval second"),
        ("SELECT date $1, time $2", "SELECT $1::date, $2::time"),
        ("SELECT timestamp $1", "SELECT $1::timestamp"),
        ("SELECT timestamptz $1", "SELECT $1::timestamptz"),
        ("SELECT timestamp with time zone $1", "SELECT $1::timestamp with time zone"),
        ("SELECT timestamp($1) with time zone $2", "SELECT $2::timestamp with time zone"),
        ("SELECT point $1, int4 $2", "SELECT $1::point, $2::int4"),
        ("SELECT x::varchar($1) FROM t", "SELECT x::varchar FROM t"),
        ("SELECT x::character varying($1) FROM t", "SELECT x::varchar FROM t"),
        ("SELECT varchar($1) $2", "SELECT $2::varchar"),
        ("SELECT x::numeric($1,$2) FROM t", "SELECT x::numeric FROM t"),
        ("SELECT CAST(x AS bit($1)) FROM t", "SELECT x::pg_catalog.bit FROM t"),
        ("SELECT x::vector($1) FROM t", "SELECT x::vector FROM t"),
        ("SELECT x::varchar(10) FROM t", "SELECT x::varchar(10) FROM t"),
        ("SELECT extract($1 FROM x) FROM t", "SELECT extract ($1 FROM x) FROM t"),
        ("SELECT trim($1 FROM x) FROM t", "SELECT TRIM (BOTH $1 FROM x) FROM t"),
        ("SELECT x IS $1 NORMALIZED FROM t", "SELECT x IS NFC NORMALIZED FROM t"),
        ("SELECT * FROM t WHERE x IN ($1 /*, ... */)", "SELECT * FROM t WHERE x IN ($1)"),
        ("SELECT now() - interval $1 * $2", "SELECT now() - ($1::interval * $2)"),
        ("SELECT * FROM t LIMIT $1 OFFSET $2", "SELECT * FROM t LIMIT $1 OFFSET $2"),
    ],
)
def test_a_text_that_cannot_be_prepared_is_repaired(text: str, whole: str) -> None:
    assert repaired(text) == whole


@pytest.mark.parametrize(
    "kept",
    ["'varchar($1)'", '"varchar($1)"', "'is $1 normalized'", "'it''s char($1)'"],
)
def test_what_only_looks_like_a_modifier_is_left_alone(kept: str) -> None:
    text = f"SELECT {kept}, x::varchar($1) FROM t -- varchar($2)"

    assert repaired(text) == f"SELECT {kept}, x::varchar FROM t"


def test_a_comment_is_no_code() -> None:
    assert repaired("SELECT /* char($1) 'x */ a::char($2) FROM t") == "SELECT a::bpchar FROM t"


@pytest.mark.parametrize("text", ["SELECT 1; SELECT 2", "", "SELECT $1, $35)", "SELECT $1 $2"])
def test_what_stays_unparsable_says_so(text: str) -> None:
    with pytest.raises(Unparsable):
        repair(text)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (
            "SELECT date_trunc($1, x), count(*) FROM t GROUP BY date_trunc($2, x)",
            "SELECT date_trunc($2, x), count(*) FROM t GROUP BY date_trunc($2, x)",
        ),
        (
            "SELECT extract($1 FROM x) FROM t GROUP BY extract(year FROM x)",
            "SELECT extract ('year' FROM x) FROM t GROUP BY extract ('year' FROM x)",
        ),
        (
            "SELECT date_trunc($1, x) FROM t GROUP BY 1 ORDER BY date_trunc('day', x)",
            "SELECT date_trunc('day', x) FROM t GROUP BY 1 ORDER BY date_trunc('day', x)",
        ),
        (
            "SELECT x + $1 AS y FROM t GROUP BY y HAVING x + $2 > $3",
            "SELECT x + $1 AS y FROM t GROUP BY y HAVING (x + $1) > $3",
        ),
        (
            "SELECT DISTINCT coalesce(x, $1) FROM t ORDER BY coalesce(x, $2)",
            "SELECT DISTINCT COALESCE(x, $1) FROM t ORDER BY COALESCE(x, $1)",
        ),
        (
            "SELECT f($1, x), f($2, x) FROM t GROUP BY f('a', x), f('b', x)",
            "SELECT f('a', x), f('b', x) FROM t GROUP BY f('a', x), f('b', x)",
        ),
        (
            "SELECT f($1, x) FROM t GROUP BY GROUPING SETS (f('a', x), ())",
            "SELECT f('a', x) FROM t GROUP BY GROUPING SETS (f('a', x), ())",
        ),
        (
            "SELECT count(*) FILTER (WHERE x = $1), count(*) FILTER (WHERE x = $2) FROM t",
            "SELECT count(*) FILTER (WHERE x = $1), count(*) FILTER (WHERE x = $2) FROM t",
        ),
    ],
)
def test_what_is_grouped_by_gets_the_parameters_of_what_is_selected(text: str, whole: str) -> None:
    assert repaired(text) == whole


def test_a_squashed_list_is_known_by_its_comment() -> None:
    statement = repair("SELECT * FROM t WHERE a = $1 AND b IN ($2 /*, ... */) AND c IN ($3)")

    assert statement.squashed == {2: 0}
    assert statement.numbers == (1, 2, 3)


def test_a_long_list_is_squashed_and_its_length_kept() -> None:
    items = ", ".join(f"${number}" for number in range(1, 41))

    statement = repair(f"SELECT * FROM t WHERE a IN ({items}) AND b = $41")

    assert statement.squashed == {1: 40}
    assert deparse(statement.tree) == "SELECT * FROM t WHERE a IN ($1) AND b = $41"


def test_a_wide_row_of_values_is_no_list() -> None:
    row = f"({', '.join(f'${number}' for number in range(1, 13))})"

    assert repaired(f"SELECT * FROM (VALUES {row}) v") == f"SELECT * FROM (VALUES {row}) v"


@pytest.mark.parametrize(
    ("statement", "reading"),
    [
        ("SELECT * FROM t WHERE a = $1", "SELECT * FROM t WHERE a = $1"),
        ("SELECT * FROM t FOR UPDATE SKIP LOCKED", "SELECT * FROM t"),
        ("SELECT a INTO b FROM t", "SELECT a FROM t"),
        ("UPDATE t SET a = $1 WHERE b = $2", "SELECT t.* FROM t WHERE b = $2"),
        (
            "UPDATE app.t AS x SET a = $1 FROM u WHERE u.id = x.id",
            "SELECT x.* FROM app.t x, u WHERE u.id = x.id",
        ),
        ("DELETE FROM t USING u WHERE u.a = t.a", "SELECT t.* FROM t, u WHERE u.a = t.a"),
        (
            "WITH old AS (SELECT 1 AS id) DELETE FROM t WHERE id IN (SELECT id FROM old)",
            "WITH old AS (SELECT 1 AS id) SELECT t.* FROM t WHERE id IN (SELECT id FROM old)",
        ),
        ("INSERT INTO t SELECT * FROM u WHERE a = $1", "SELECT * FROM u WHERE a = $1"),
        (
            "WITH x AS (SELECT 1) INSERT INTO t WITH y AS (SELECT 2) SELECT * FROM x, y",
            "WITH x AS (SELECT 1), y AS (SELECT 2) SELECT * FROM x, y",
        ),
        (
            "WITH gone AS (DELETE FROM t WHERE a = $1 RETURNING *) SELECT * FROM gone",
            "SELECT t.* FROM t WHERE a = $1",
        ),
        ("CREATE TABLE b AS SELECT * FROM t WHERE a = $1", "SELECT * FROM t WHERE a = $1"),
        ("COPY (SELECT * FROM t WHERE a = $1) TO STDOUT", "SELECT * FROM t WHERE a = $1"),
        ("DECLARE c CURSOR FOR SELECT * FROM t", "SELECT * FROM t"),
    ],
)
def test_the_reading_part_finds_the_rows_and_writes_nothing(statement: str, reading: str) -> None:
    part = read_part(parse_one(statement))

    assert part is not None
    assert deparse(part) == reading


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES ($1, $2)",
        "INSERT INTO t DEFAULT VALUES",
        "MERGE INTO t USING u ON u.a = t.a WHEN MATCHED THEN DELETE",
        "DELETE FROM t WHERE CURRENT OF c",
        "COPY t FROM STDIN",
        "VACUUM t",
        "SET x = 1",
    ],
)
def test_what_looks_for_no_rows_has_no_reading_part(statement: str) -> None:
    assert read_part(parse_one(statement)) is None


def test_the_reading_part_leaves_its_statement_as_it_was() -> None:
    tree = parse_one("SELECT * FROM t FOR UPDATE")

    read_part(tree)

    assert deparse(tree) == "SELECT * FROM t FOR UPDATE"


@pytest.mark.parametrize(
    ("pattern", "example", "values"),
    [
        ("a = $1 AND b = $2", "a = 'it''s' AND b = -5", {1: "it's", 2: "-5"}),
        ("a = $1 AND b = $2", "a = 1.50 AND b = $1", {1: "1.50"}),
        ("a = $1 AND b = $2", "a = NULL AND b = true", {1: None, 2: "true"}),
        ("a > now() - interval $1", "a > now() - interval '2 days'", {1: "2 days"}),
        ("extract($1 FROM a) = $2", "extract(year FROM a) = 2024", {1: "year", 2: "2024"}),
        ("a IN ($1 /*, ... */)", "a IN (1, 2, 3)", {1: ("1", "2", "3")}),
        ("a IN ($1 /*, ... */)", "a IN ('x')", {1: ("x",)}),
        ("a = $1", "a = lower('x')", {}),
        ("a::varchar($1) = $2", "a::varchar(5) = 'x'", {2: "x"}),
    ],
)
def test_an_example_gives_the_values_that_were_sent(
    pattern: str, example: str, values: dict[int, object]
) -> None:
    statement = repair(f"SELECT * FROM t WHERE {pattern}")
    sent = repair(f"SELECT * FROM t WHERE {example}")

    assert captured(statement.tree, sent.tree, statement.squashed) == values
