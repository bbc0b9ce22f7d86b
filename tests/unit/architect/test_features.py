"""The words for a statement: what decides about a fix, and never a name."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from agentdb.architect.features import features
from agentdb.architect.study import Call, Study
from agentdb.architect.workload import Statement
from agentdb.target.kinds import Kind
from agentdb.target.plan import Plan, PlanNode
from agentdb.target.scope import read_scopes
from agentdb.target.syntax import parse_one
from agentdb.target.usage import read_usage
from tests.builders import catalog, column, table


@dataclass(frozen=True, slots=True)
class Names:
    """What a schema calls its things; sorted, the two below come in opposite orders."""

    schema: str
    parent: str
    child: str
    key: str
    owner: str
    state: str
    moment: str
    document: str
    words: str
    tags: str

    def all(self) -> tuple[str, ...]:
        return tuple(getattr(self, slot) for slot in self.__slots__)


ONE = Names("aqua", "bolzu", "cirpo", "dwel", "efrim", "fnord", "glix", "huzz", "ixo", "jomb")
OTHER = Names(
    "Zy sch", "Yk tab", "Xe tab", "Wu col", "Vi col", "Ut col", "Ta col", "Sy col", "Ry col", "Qo"
)

STATEMENTS = [
    "SELECT {owner} FROM {schema}.{child} WHERE {state} = 'open' ORDER BY {moment} DESC LIMIT 5",
    "SELECT count(*) FROM {schema}.{child} WHERE {moment} >= '2024-01-01' AND {state} = 'shut'",
    "SELECT * FROM {schema}.{child} WHERE lower({state}) = 'open' OR {owner} = 7",
    "SELECT * FROM {schema}.{child} AS {tags} WHERE {tags}.{tags} @> ARRAY['x']",
    "SELECT * FROM {schema}.{child} WHERE {document} ->> 'k' = 'v' AND {moment} IS NULL",
    "SELECT * FROM {schema}.{child} WHERE {words} @@ to_tsquery('x') AND {owner} IN (1, 2)",
    "SELECT * FROM {schema}.{child} WHERE {state} LIKE 'ab%' AND {moment}::date = '2024-01-01'",
    "SELECT {owner}, count(*) AS {tags} FROM {schema}.{child} GROUP BY {owner} HAVING count(*) > 2",
    "WITH {tags} AS (SELECT * FROM {schema}.{child}) SELECT * FROM {tags} WHERE {owner} = 7",
    (
        "SELECT p.{key} FROM {schema}.{parent} p JOIN {schema}.{child} c ON c.{owner} = p.{key}"
        " WHERE p.{state} = 'x' AND c.{moment} IS NOT NULL"
    ),
    (
        "SELECT {key} FROM {schema}.{parent} WHERE NOT EXISTS"
        " (SELECT 1 FROM {schema}.{child} WHERE {schema}.{child}.{owner} = {schema}.{parent}.{key})"
    ),
    "SELECT {key}, rank() OVER {tags} FROM {schema}.{child} WINDOW {tags} AS (ORDER BY {moment})",
]


def call(sql: str, names: Names, weight: float = 1.0) -> Call:
    text = sql.format(**{slot: f'"{getattr(names, slot)}"' for slot in names.__slots__})
    schema = names.schema
    shares = {"open": 0.001, "shut": 0.9}
    parent = table(names.parent, column(names.key), column(names.state, "text"), schema=schema)
    child = table(
        names.child,
        column(names.key),
        column(names.owner),
        column(names.state, "text", shares=shares),
        column(names.moment, "timestamp with time zone", correlation=1.0),
        column(names.document, "jsonb"),
        column(names.words, "tsvector"),
        column(names.tags, "text[]"),
        schema=schema,
    )
    scoped = read_scopes(parse_one(text), catalog(parent, child))
    scan = PlanNode("Seq Scan", 9.0, 1200.0, relation=names.child, schema=schema, alias=names.tags)
    return Call("", weight, text, scoped, tuple(read_usage(scoped)), Plan(scan))


def study(*calls: Call, kind: Kind = "select") -> Study:
    return Study(Statement("f", calls[0].sql, kind, 1, 1.0, 1, 1, 0, 1.0), calls)


def words(sql: str, names: Names = ONE) -> str:
    return features(study(call(sql, names)))


@pytest.mark.parametrize("sql", STATEMENTS)
def test_the_same_statement_has_the_same_words_whatever_its_things_are_called(sql: str) -> None:
    assert words(sql, ONE) == words(sql, OTHER)


@pytest.mark.parametrize("sql", STATEMENTS)
@pytest.mark.parametrize("names", [ONE, OTHER])
def test_no_name_of_a_table_or_column_appears(sql: str, names: Names) -> None:
    said = words(sql, names)
    assert not [name for name in names.all() if re.search(rf"\b{re.escape(name)}\b", said)]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("{owner} = 7", "equality on number column"),
        ("{state} = 'open'", "equality on text column rare value of skewed"),
        ("lower({state}) = 'x'", "equality on text expression lower"),
        ("{document} ->> 'k' = 'v'", "equality on json expression"),
        ("{owner} IN (1, 2)", "list membership on number column"),
        ("{moment} > '2024-01-01'", "range on time column in storage order"),
        ("{owner} > 7", "range on number column"),
        ("{state} LIKE 'a%'", "prefix pattern search in text column"),
        ("{state} ILIKE '%a%'", "infix pattern search in text column"),
        ("{tags} @> ARRAY['x']", "containment in array column"),
        ("{words} @@ to_tsquery('x')", "full text search in words column"),
        ("{moment} IS NULL", "is null test on time column"),
        ("{owner} = 7 OR {moment} IS NULL", "either of equality on number column or is null test"),
    ],
)
def test_a_condition_is_said_in_words(condition: str, said: str) -> None:
    assert said in words(f"SELECT 1 FROM {{schema}}.{{child}} WHERE {condition}")


def test_a_frequent_value_is_not_called_rare() -> None:
    assert "rare" not in words("SELECT 1 FROM {schema}.{child} WHERE {state} = 'shut'")


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("ORDER BY {moment} DESC LIMIT 5", "ordered by time descending first rows only"),
        ("ORDER BY {moment}, {state} DESC", "ordered by time ascending then text descending;"),
        ("GROUP BY {owner}", "grouped by 1"),
        ("LIMIT 5 OFFSET 500", "offset pagination"),
    ],
)
def test_order_and_grouping_are_said_in_words(rest: str, said: str) -> None:
    assert said in words(f"SELECT count(*) FROM {{schema}}.{{child}} {rest}")


def test_a_write_is_said_first_and_the_plan_last() -> None:
    one = call("SELECT 1 FROM {schema}.{child} WHERE {owner} = 7", ONE)
    said = features(study(one, kind="delete"))
    assert said == "delete; equality on number column; one table; plan Seq Scan kept~1e3"


def test_the_call_that_stands_for_most_is_described() -> None:
    rare = call("SELECT 1 FROM {schema}.{child} WHERE {state} LIKE '%a'", ONE, weight=0.2)
    usual = call("SELECT 1 FROM {schema}.{child} WHERE {state} LIKE 'a%'", ONE, weight=0.8)
    assert features(study(rare, usual)) == features(study(usual))
