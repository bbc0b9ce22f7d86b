from __future__ import annotations

import pytest

from agentdb.target.guard import objection_to_tree, without_structured_literals
from agentdb.target.syntax import parse_one

NULL_TWICE = "SELECT NULL::text[], NULL"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "VALUES (1, 'a'), (2, 'b')",
        "TABLE orders",
        "(SELECT 1) UNION ALL SELECT 2 ORDER BY 1 LIMIT 1 OFFSET 0",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION SELECT n + 1 FROM t) SELECT * FROM t",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) CYCLE n SET c USING p TABLE t",
        "SELECT a.*, (b).c, d[1], e[2:3] FROM a JOIN b USING (id), LATERAL f(a) AS g",
        "SELECT count(*) FILTER (WHERE x), sum(y) OVER w FROM t WINDOW w AS (PARTITION BY z)",
        "SELECT a FROM t GROUP BY GROUPING SETS ((a), ()) HAVING GROUPING(a) = 0",
        "SELECT CASE WHEN x IS TRUE THEN 1 ELSE coalesce(y, greatest(1, 2)) END FROM t",
        "SELECT x COLLATE \"C\", y AT TIME ZONE 'UTC', interval '1 day', current_date FROM t",
        "SELECT * FROM t WHERE a = ANY (ARRAY[1]) AND (a, b) IN (SELECT 1, 2) AND EXISTS (TABLE u)",
        "SELECT * FROM json_to_record('{}') AS r (a integer, b text[])",
        "SELECT * FROM ROWS FROM (f(1), g(2) AS (x integer)) WITH ORDINALITY",
        "SELECT * FROM t TABLESAMPLE SYSTEM (1) REPEATABLE (2)",
        "SELECT xmlelement(name a, xmlattributes(b AS c)), xmlserialize(content d AS text) FROM t",
        "SELECT * FROM xmltable('/a' PASSING x COLUMNS b integer PATH 'c' DEFAULT 1)",
        "SELECT json_object('a': 1), json_arrayagg(b), json_value(c, '$' RETURNING integer) FROM t",
        "SELECT * FROM json_table(a, '$' COLUMNS (b integer, NESTED PATH '$.c' COLUMNS (d text)))",
        "SELECT f(a => 1, VARIADIC b), x IS JSON OBJECT, B'1', X'1F', 1.5, true FROM t",
    ],
)
def test_every_way_to_read_is_known(sql: str) -> None:
    assert objection_to_tree(parse_one(sql)) is None


@pytest.mark.parametrize(
    ("sql", "because"),
    [
        ("SELECT 1 INTO t", "INTO"),
        ("SELECT * FROM t FOR NO KEY UPDATE", "locks rows"),
        ("WITH x AS (DELETE FROM t RETURNING 1) TABLE x", "deletes rows"),
        (
            "WITH x AS (MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING) SELECT 1",
            "merges",
        ),
        ("SELECT $1", "parameter without a value"),
        ("UPDATE t SET a = 1", "updates rows"),
        ("INSERT INTO t VALUES (1)", "inserts rows"),
        ("EXECUTE p", "is no SELECT (ExecuteStmt)"),
        ("FETCH ALL FROM c", "is no SELECT (FetchStmt)"),
    ],
)
def test_whatever_else_is_refused_with_its_reason(sql: str, because: str) -> None:
    assert because in str(objection_to_tree(parse_one(sql)))


@pytest.mark.parametrize(
    ("sql", "without"),
    [
        ("SELECT '{a}'::text[], '(1,2)'", NULL_TWICE),
        ("SELECT ' \n[1,2)'::text[], E'\\t{\\'x'''", NULL_TWICE),
        ("SELECT e'{it''s}'::text[], '{it''s \\'", NULL_TWICE),
        ("SELECT 'ä', '{ö}', 'ü'", "SELECT 'ä', NULL, 'ü'"),
        ("SELECT 'plain {', '1 day'::interval, 7", "SELECT 'plain {', '1 day'::interval, 7"),
    ],
)
def test_literals_that_may_hold_others_are_taken_out(sql: str, without: str) -> None:
    assert without_structured_literals(sql, parse_one(sql)) == without


@pytest.mark.parametrize("sql", ["SELECT $${a}$$", "SELECT U&'{a}'"])
def test_a_literal_that_cannot_be_taken_out_is_not_overlooked(sql: str) -> None:
    assert without_structured_literals(sql, parse_one(sql)) is None
