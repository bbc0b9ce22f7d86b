"""What the server answers to a compiled filter, against a plain Python reading of the language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from operator import ge, gt, le, lt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from agentdb.search.filters import Filter, compile_filter, storable
from tests.servers import connect, new_database

Database = Connection[TupleRow]
Document = Mapping[str, object]

ROWS = 20_000
EVERYTHING = "1 == 1"


@pytest.fixture(scope="module")
def database(any_server: str) -> Iterator[Database]:
    """A database without any of our tables, on each server."""
    with new_database(any_server) as url, connect(url) as connection:
        yield connection


@pytest.fixture(scope="module")
def memories(database: Database) -> Database:
    """A table of 20,000 memories with the index that ours has."""
    database.execute("CREATE TABLE memories (id integer, metadata jsonb)")
    database.execute(
        "INSERT INTO memories SELECT n, jsonb_build_object('n', n, 'kind', 'k' || mod(n, 4),"
        " 'author', jsonb_build_object('name', 'a' || mod(n, 1000)),"
        " 'tags', jsonb_build_array('t' || mod(n, 500), mod(n, 7), NULL))"
        " FROM generate_series(1, %s) AS n",
        [ROWS],
    )
    database.execute("CREATE INDEX by_metadata ON memories USING gin (metadata jsonb_path_ops)")
    database.execute("ANALYZE memories")
    return database


@pytest.fixture(scope="module")
def few_memories(database: Database) -> Database:
    """An empty table, with the index that ours has."""
    database.execute("CREATE TABLE few_memories (id integer, metadata jsonb)")
    database.execute(
        "CREATE INDEX ON few_memories USING gin (metadata jsonb_path_ops) WITH (fastupdate = off)"
    )
    return database


def matching(database: Database, documents: Sequence[Document], wanted: Filter) -> list[Document]:
    """Ask the server which of some documents a filter means."""
    rows = database.execute(
        "SELECT n FROM jsonb_array_elements(%s) WITH ORDINALITY AS listed (metadata, n)"
        " WHERE metadata @@ CAST(%s AS jsonpath) ORDER BY n",
        [Jsonb(documents), compile_filter(wanted) or EVERYTHING],
    )
    return [documents[n - 1] for (n,) in rows]


def found(database: Database, wanted: Filter) -> list[int]:
    rows = database.execute(
        "SELECT id FROM memories WHERE metadata @@ CAST(%s AS jsonpath) ORDER BY id",
        [compile_filter(wanted)],
    )
    return [identity for (identity,) in rows]


def plan(database: Database, wanted: Filter) -> str:
    rows = database.execute(
        "EXPLAIN SELECT id FROM memories WHERE metadata @@ CAST(%s AS jsonpath)",
        [compile_filter(wanted)],
    )
    return "\n".join(line for (line,) in rows)


# Types do not mix ---------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", ["gte", "$gte"])
def test_numbers_are_not_compared_as_texts(database: Database, operator: str) -> None:
    scores = [{"score": score} for score in (2, 9, 10, 11.5, 100, "11", "9", None, True, [11])]
    assert matching(database, scores, {"score": {operator: 10}}) == [
        {"score": 10},
        {"score": 11.5},
        {"score": 100},
    ]


SCALARS = [None, True, False, 0, 1, -1, 10, 0.1, 10**30, 10**30 + 1, "", "0", "1", "true", "null"]


@pytest.mark.parametrize("value", SCALARS, ids=repr)
def test_a_value_is_equal_to_itself_alone(database: Database, value: object) -> None:
    documents: list[Document] = [{"a": other} for other in SCALARS] + [
        {"a": [value]},
        {"a": {"a": value}},
        {},
    ]
    same = [each for each in documents if repr(each) == repr({"a": value})]
    assert matching(database, documents, {"a": value}) == same
    others = [each for each in documents if repr(each) != repr({"a": value})]
    assert matching(database, documents, {"a": {"ne": value}}) == others


def test_a_number_is_the_same_however_it_is_written(database: Database) -> None:
    documents: list[Document] = [{"a": 10}, {"a": 10.0}, {"a": 1e1}]
    for written in (10, 10.0, Decimal("10.00"), Decimal("1E+1")):
        assert matching(database, documents, {"a": written}) == documents
    assert matching(database, [{"a": 0.1}], {"a": Decimal("0.1")}) == [{"a": 0.1}]


@pytest.mark.parametrize("value", [10**1999 + 1, -(10**1999), 1.7e308, 5e-324, -0.0], ids=range(5))
def test_the_largest_and_smallest_numbers_are_found_again(database: Database, value: float) -> None:
    documents: list[Document] = [storable({"a": value}), {"a": 10**1999}, {"a": 1e-323}]
    assert matching(database, documents, {"a": value}) == documents[:1]
    assert matching(database, documents, {"a": {"gte": value, "lte": value}}) == documents[:1]


def test_a_null_is_not_a_missing_key(database: Database) -> None:
    null, missing, there = {"a": None}, {"b": None}, {"a": 0}
    documents: list[Document] = [null, missing, there]
    assert matching(database, documents, {"a": None}) == [null]
    assert matching(database, documents, {"a": {"ne": None}}) == [missing, there]
    assert matching(database, documents, {"a": {"exists": True}}) == [null, there]
    assert matching(database, documents, {"a": {"exists": False}}) == [missing]


def test_a_list_is_asked_what_it_contains(database: Database) -> None:
    documents: list[Document] = [
        {"a": 1},
        {"a": [1, "x"]},
        {"a": [None, 2, 1]},
        {"a": [[1]]},
        {"a": []},
        {},
    ]
    one, several, mixed, _, _, _ = documents
    assert matching(database, documents, {"a": 1}) == [one]
    assert matching(database, documents, {"a": {"contains": 1}}) == [several, mixed]
    assert matching(database, documents, {"a": {"contains": [1, None]}}) == [mixed]
    assert matching(database, documents, {"a": {"contains": []}}) == documents[1:5]


def test_a_dot_reaches_into_documents_but_not_into_lists(database: Database) -> None:
    inside, beside = {"a": {"b": 1}}, {"a.b": 1}
    documents: list[Document] = [inside, beside, {"a": [{"b": 1}]}, {"a": 1}, {}]
    assert matching(database, documents, {"a.b": 1}) == [inside]
    assert matching(database, documents, {r"a\.b": 1}) == [beside]
    assert matching(database, documents, {("a.b",): 1}) == [beside]


def test_a_number_is_a_place_in_a_list(database: Database) -> None:
    one, two, inner = {"a": ["x"]}, {"a": ["y", "x"]}, {"a": [{"b": 1}]}
    documents: list[Document] = [one, two, inner, {"a": {"0": "x"}}, {"a": "x"}, {"a": []}, {}]
    assert matching(database, documents, {("a", 0): "x"}) == [one]
    assert matching(database, documents, {("a", -1): "x"}) == [one, two]
    assert matching(database, documents, {("a", -2): {"exists": True}}) == [two]
    assert matching(database, documents, {("a", 1): {"exists": False}, "a": {"contains": "x"}}) == [
        one
    ]
    assert matching(database, documents, {("a", 0, "b"): {"gte": 1}}) == [inner]
    assert len(matching(database, documents, {("a", 0): {"ne": "x"}})) == 6


def test_nothing_is_in_an_empty_list(database: Database) -> None:
    documents: list[Document] = [{"a": 1}, {"a": []}, {}]
    nothing: list[Filter] = [{"a": {"in": []}}, {"or": []}, {"not": {}}]
    everything: list[Filter] = [{"a": {"nin": []}}, {"and": []}, {"or": [{}]}]
    for wanted in nothing:
        assert matching(database, documents, wanted) == []
    for wanted in everything:
        assert matching(database, documents, wanted) == documents


# Dates --------------------------------------------------------------------------------------------


def test_moments_compare_as_moments(database: Database) -> None:
    moments = [datetime(2026, 1, 31, hour, tzinfo=UTC) for hour in range(4)]
    documents: list[Document] = [storable({"at": moment}) for moment in moments]
    after = {"at": {"gt": moments[1], "lte": moments[3]}}
    assert matching(database, documents, after) == documents[2:]


def test_a_date_comes_before_every_moment_of_its_day(database: Database) -> None:
    noon = storable({"at": datetime(2026, 1, 31, 12, tzinfo=UTC)})
    assert matching(database, [noon], {"at": {"gt": date(2026, 1, 31)}}) == [noon]
    assert matching(database, [noon], {"at": {"lt": date(2026, 2, 1)}}) == [noon]
    assert matching(database, [noon], {"at": {"lte": date(2026, 1, 31)}}) == []


def test_dates_compare_with_dates(database: Database) -> None:
    documents: list[Document] = [
        storable({"on": date(year, 1, 1)}) for year in (26, 999, 2025, 2026)
    ]
    assert matching(database, documents, {"on": {"lt": date(2026, 1, 1)}}) == documents[:3]


# Injection ----------------------------------------------------------------------------------------

HOSTILE = [
    "",
    " ",
    "'",
    '"',
    "\\",
    '\\"',
    "\\u0041",
    "$",
    "$.*",
    "%s",
    "%(a)s",
    "%",
    "_",
    ":path",
    "*",
    "@",
    "a.b",
    "and",
    "$or",
    '" || 1 == 1 || "" == "',
    '"); DROP TABLE memories; --',
    "'); DROP TABLE memories; --",
    "/* */ -- \n",
    "\r\n\t\x01\x7f\u2028\ufeff",
    "grün 你好 \U0001f600",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_a_text(database: Database, text: str) -> None:
    values = [{"a": other} for other in HOSTILE]
    keys = [{other: 1} for other in HOSTILE]
    nested = [{"a": {other: [other]}} for other in HOSTILE]
    at = HOSTILE.index(text)
    assert matching(database, values, {"a": text}) == [values[at]]
    assert matching(database, values, {"a": {"in": [text]}}) == [values[at]]
    assert matching(database, keys, {(text,): 1}) == [keys[at]]
    assert matching(database, nested, {("a", text): {"contains": text}}) == [nested[at]]


def test_an_escaped_key_is_that_key(database: Database) -> None:
    for text in HOSTILE:
        written = text.replace("\\", "\\\\").replace(".", "\\.")
        written = f"\\{text}" if text in ("and", "$", "$or") else written
        written = "\\$\\.*" if text == "$.*" else written
        assert matching(database, [{text: 1}, {"b": 1}], {written: 1}) == [{text: 1}]


# Long ones ----------------------------------------------------------------------------------------


def test_one_of_many_values_is_found_among_all_types(database: Database) -> None:
    texts = [first + second for first, second in product("aZé\uffff\U0001f600", repeat=2)]
    numbers = [-1e300, -2.5, *range(30), Decimal("0.1"), 10**30]
    wanted = [*texts, *numbers, None, True]
    documents: list[Document] = [
        *(storable({"a": value}) for value in wanted),
        *({"a": value} for value in (False, "a", "Z", "", -1, 0.5, 31, "1", [1], ["aa"])),
        {},
    ]
    there = {"a": {"in": wanted}}
    assert matching(database, documents, there) == documents[: len(wanted)]
    assert matching(database, documents, {"not": there}) == documents[len(wanted) :]
    assert matching(database, documents, {"a": {"nin": wanted}}) == documents[len(wanted) :]


@pytest.mark.parametrize(
    "wanted",
    [
        {"n": {"in": list(range(0, 120_000, 3))}},
        {"or": [{"n": n} for n in range(0, 120_000, 3)]},
        {"not": {"and": [{"n": {"ne": n}} for n in range(0, 60_000, 3)]}},
    ],
    ids=["in", "or", "and"],
)
def test_tens_of_thousands_of_conditions_do_not_break_the_server(
    database: Database, wanted: Filter
) -> None:
    assert matching(database, [{"n": 6}, {"n": 7}, {}], wanted) == [{"n": 6}]


def test_a_filter_may_be_as_deep_as_it_is_allowed(database: Database) -> None:
    wanted: Filter = {("a",): 1}
    for level in range(19):
        wanted = {"not": wanted} if level % 2 else {"or": [wanted, {("b",): level}]}
    documents: list[Document] = [{"a": 1}, {"a": 2}, {}]
    expected = [each for each in documents if holds(each, wanted)]
    assert matching(database, documents, wanted) == expected


# The index ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"n": 77}, [77]),
        ({"n": -77}, []),
        ({"author.name": "a7"}, list(range(7, ROWS, 1000))),
        ({"author.name": "a7", "n": {"gt": 15_000}}, list(range(15_007, ROWS, 1000))),
        ({"n": {"lt": 10_000}, "author.name": {"eq": "a7"}}, list(range(7, 10_000, 1000))),
        ({"and": [{"author.name": "a7"}, {"not": {"n": 7}}]}, list(range(1007, ROWS, 1000))),
        ({"author.name": "a7", "kind": {"nin": ["k1", "k2"]}}, list(range(7, ROWS, 1000))),
        ({"n": {"in": [1, 2, "x"]}}, [1, 2]),
        ({"n": {"in": list(range(1, 40))}}, list(range(1, 40))),
        ({"or": [{"n": 1}, {"author.name": "a0", "n": {"lte": 1000}}]}, [1, 1000]),
        ({"tags": {"contains": "t7"}}, list(range(7, ROWS, 500))),
        ({"tags": {"contains": ["t7", 0]}}, list(range(7, ROWS, 3500))),
    ],
    ids=str,
)
def test_the_index_serves_what_equals(
    memories: Database, wanted: Filter, expected: list[int]
) -> None:
    assert "Bitmap Index Scan on by_metadata" in plan(memories, wanted)
    assert found(memories, wanted) == expected


def test_thousands_of_values_are_not_tried_one_by_one(memories: Database) -> None:
    wanted = {"n": {"in": list(range(3, 15_001, 3))}}
    memories.execute("SET statement_timeout = '3s'")  # one by one: some 10 s, else 0.1 s
    try:
        assert found(memories, wanted) == list(range(3, 15_001, 3))
    finally:
        memories.execute("RESET statement_timeout")


# The whole language -------------------------------------------------------------------------------

MISSING = object()
SIGNS: Mapping[str, Callable[..., bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def holds(document: object, wanted: Filter) -> bool:
    """Say whether a filter means a document, as one would read the language."""
    return all(_entry(document, key, condition) for key, condition in wanted.items())


def _entry(document: object, key: object, condition: object) -> bool:
    match key, condition:
        case "and", list():
            return all(holds(document, each) for each in condition)
        case "or", list():
            return any(holds(document, each) for each in condition)
        case "not", dict():
            return not holds(document, condition)
        case tuple(), dict():
            value = _reached(document, key)
            return all(_operation(value, name, operand) for name, operand in condition.items())
        case tuple(), _:
            return _same(_reached(document, key), condition)
    raise AssertionError(key)


def _reached(document: object, path: tuple[str, ...]) -> object:
    for step in path:
        document = document.get(step, MISSING) if isinstance(document, dict) else MISSING
    return document


def _operation(value: object, name: str, operand: object) -> bool:
    operands = operand if isinstance(operand, list) else [operand]
    match name:
        case "exists":
            return (value is not MISSING) is operand
        case "eq" | "in":
            return any(_same(value, each) for each in operands)
        case "ne" | "nin":
            return not any(_same(value, each) for each in operands)
        case "contains":
            items = value if isinstance(value, list) else []
            held = all(any(_same(item, each) for item in items) for each in operands)
            return isinstance(value, list) and held
    mine, theirs = _comparable(value), _comparable(operand)
    comparable = mine[0] == theirs[0] in ("number", "text")
    return comparable and SIGNS[name](mine[1], theirs[1])


def _same(value: object, operand: object) -> bool:
    return not isinstance(value, dict | list) and _comparable(value) == _comparable(operand)


def _comparable(value: object) -> tuple[str, object]:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return type(value).__name__, value
    if isinstance(value, str):
        return "text", value
    return "number", Decimal(str(value))


KEYS = ("a", "b", "and", 'q"\\%.$', "é", "")
words = st.sampled_from(
    ["", "1", "10", "2", "a", "B", "é", "\uffff", "\U0001f600", '"', "\\", "%s"]
)
numbers = st.sampled_from([0, 1, -1, 2, 10, 1.5, 0.1, 1e300, 10**30, 10**30 + 1])
scalars = st.none() | st.booleans() | words | numbers
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)
documents_drawn = st.lists(
    st.dictionaries(st.sampled_from(KEYS), values, max_size=4), min_size=1, max_size=8
)

paths = st.lists(st.sampled_from(KEYS), min_size=1, max_size=2).map(tuple)
ordered = st.sampled_from(list(SIGNS))
operations = st.one_of(
    st.dictionaries(st.sampled_from(["eq", "ne"]), scalars, min_size=1),
    st.dictionaries(st.sampled_from(list(SIGNS)), words | numbers, min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(["in", "nin"]), st.lists(scalars, max_size=12), min_size=1),
    st.dictionaries(st.just("contains"), scalars | st.lists(scalars, max_size=2), min_size=1),
    st.dictionaries(st.just("exists"), st.booleans(), min_size=1),
)
conditions = st.dictionaries(paths, scalars | operations, max_size=2)
filters = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"not": inner, ("a",): operations}),
    ),
    max_leaves=5,
)


@settings(max_examples=150)
@given(documents=documents_drawn, wanted=filters)
def test_the_server_reads_a_filter_as_a_person_does(
    database: Database, documents: list[Document], wanted: Filter
) -> None:
    expected = [document for document in documents if holds(document, wanted)]
    assert matching(database, documents, wanted) == expected


@settings(max_examples=100)
@given(documents=documents_drawn, wanted=filters)
def test_the_index_loses_no_row(
    few_memories: Database, documents: list[Document], wanted: Filter
) -> None:
    with few_memories.transaction(force_rollback=True):
        few_memories.execute(
            "INSERT INTO few_memories"
            " SELECT n, metadata FROM jsonb_array_elements(%s) WITH ORDINALITY AS l (metadata, n)",
            [Jsonb(documents)],
        )
        few_memories.execute("SET LOCAL enable_seqscan = off")
        rows = few_memories.execute(
            "SELECT id FROM few_memories WHERE metadata @@ CAST(%s AS jsonpath) ORDER BY id",
            [compile_filter(wanted) or EVERYTHING],
        ).fetchall()
    expected = [n for n, document in enumerate(documents, start=1) if holds(document, wanted)]
    assert [identity for (identity,) in rows] == expected
