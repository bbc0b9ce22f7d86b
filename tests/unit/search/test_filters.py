from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import PurePosixPath
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdb.errors import BadFilter, BadMetadata
from agentdb.search.filters import Filter, compile_filter, storable

ALLOWED = "there are eq, ne, gt, gte, lt, lte, in, nin, contains, exists"


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


# What becomes of a filter -------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [None, {}])
def test_no_filter_means_every_row(wanted: Filter | None) -> None:
    assert compile_filter(wanted) is None


def test_a_filter_is_read_by_people_too() -> None:
    wanted: Filter = {"colour": "red", "or": [{"price": {"lt": 50}}, {"not": {"sold": True}}]}
    assert compile_filter(wanted) == (
        'strict ($."colour" == "red" && '
        '($."price" < 50 || !exists($ ? ($."sold" == true))))'
    )  # fmt: skip


@pytest.mark.parametrize(
    ("plain", "mongo"),
    [
        ({"a": {"gte": 1}}, {"a": {"$gte": 1}}),
        ({"a": {"nin": [1]}}, {"a": {"$nin": [1]}}),
        ({"or": [{"a": 1}]}, {"$or": [{"a": 1}]}),
        ({"not": {"a": 1}}, {"$not": {"a": 1}}),
    ],
)
def test_names_go_with_a_dollar_too(plain: Filter, mongo: Filter) -> None:
    assert compile_filter(mongo) == compile_filter(plain)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("author.name", '$."author"."name"'),
        (r"author\.name", '$."author.name"'),
        (("author.name", "first"), '$."author.name"."first"'),
        (r"a\\b", r'$."a\\b"'),
        (r"\$price", '$."$price"'),
        (r"\and", '$."and"'),
        (("not",), '$."not"'),
        ("notes", '$."notes"'),
        ("or.and", '$."or"."and"'),
        ("", '$.""'),
        ("a.", '$."a".""'),
        ("a\nb", r'$."a\nb"'),
        ("a\\", r'$."a\\"'),
        ('a"b', r'$."a\"b"'),
        (("tags", 0), '$."tags"[0]'),
        (("tags", -1, "0"), '$."tags"[last - 0]."0"'),
        ((-3,), "$[last - 2]"),
    ],
)
def test_a_key_reaches_where_it_says(key: str | tuple[str | int, ...], path: str) -> None:
    assert compile_filter({key: 1}) == f"strict {path} == 1"


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (10, "10"),
        (-2.5, "-2.5"),
        (1e300, "1e+300"),
        (10**40 + 1, "1" + "0" * 39 + "1"),
        (Decimal("0.10"), "0.10"),
        (True, "true"),
        (None, "null"),
        ("10", '"10"'),
        ('say "a\\b"\n', r'"say \"a\\b\"\n"'),
        ("grün", '"grün"'),
        (Colour.RED, '"red"'),
        (Level.HIGH, "3"),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (date(2026, 1, 31), '"2026-01-31"'),
        (
            datetime(2026, 1, 31, 10, 30, tzinfo=timezone(timedelta(hours=1))),
            '"2026-01-31T09:30:00.000000+00:00"',
        ),
    ],
)
def test_a_value_becomes_a_literal_of_its_type(value: object, literal: str) -> None:
    assert compile_filter({"a": value}) == f'strict $."a" == {literal}'


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"a": {"like": "x"}}, f"Filter key 'a' has an unknown operator 'like': {ALLOWED}; "),
        ({"a": {7: "x"}}, "Filter key 'a' has an unknown operator 7: "),
        ({"a": {}}, f"Filter key 'a' has no operator: {ALLOWED}."),
        ({"a": {"gt": True}}, "Filter key 'a', operator 'gt': it compares numbers, texts and"),
        ({"a": {"lte": None}}, "Filter key 'a', operator 'lte': it compares numbers, texts and"),
        ({"a": {"lt": [1]}}, "Filter key 'a', operator 'lt': a list is not one value"),
        ({"a": [1, 2]}, "Filter key 'a', operator 'eq': a list is not one value; `contains` "),
        ({"a": {"ne": {"b": 1}}}, "Filter key 'a', operator 'ne': a document is not one value"),
        ({"a": {"in": "red"}}, "Filter key 'a', operator 'in': it takes a list of values, not str"),
        ({"a": {"in": [[1]]}}, "Filter key 'a', operator 'in': a list is not one value"),
        ({"a": {"contains": {}}}, "Filter key 'a', operator 'contains': a document is not one"),
        ({"a": {"exists": 1}}, "Filter key 'a', operator 'exists': it takes true or false, not"),
        ({"a": float("nan")}, "Filter key 'a', operator 'eq': NaN and Infinity are no JSON"),
        ({"a": Decimal("sNaN")}, "Filter key 'a', operator 'eq': NaN and Infinity are no JSON"),
        ({"a": 10**5000}, "Filter key 'a', operator 'eq': a number has more than 2,000 digits"),
        ({"a": Decimal("1E-9999")}, "Filter key 'a', operator 'eq': a number has more than"),
        ({"a": "\x00"}, "Filter key 'a', operator 'eq': Postgres keeps no text with a NUL"),
        ({"a": "\ud800"}, "Filter key 'a', operator 'eq': half a surrogate pair is no text"),
        ({"a": b"x"}, "Filter key 'a', operator 'eq': bytes is not a text, number"),
        ({"a": datetime(2026, 1, 1)}, "Filter key 'a', operator 'eq': a datetime needs a time"),  # noqa: DTZ001 - that is the point
        ({"\x00": 1}, r"Filter key '\x00': Postgres keeps no text with a NUL"),
        ({"$nor": []}, r"Filter key '$nor' is none of and, or, not; for a metadata key of that"),
        ({r"C:\temp": 1}, r"Filter key 'C:\\temp': write two backslashes for one"),
        ({7: 1}, "A filter's key is a text or a tuple of texts, not 7."),
        ({(): 1}, "A filter's key is a text or a tuple of texts, not ()."),
        ({("a", True): 1}, "A filter's key is a text or a tuple of texts, not ('a', True)."),
        ({("a", 10**30): 1}, "no list has a place 1e+30"),
        ({"or": {"a": 1}}, r"Filter 'or' takes a list of filters, not dict; for a metadata key"),
        ({"$or": 1}, r"Filter '$or' takes a list of filters, not int; for a metadata key of that"),
        ({"and": ["a"]}, "Filter 'and', in its list, takes a filter like {'colour': 'red'}, not"),
        ({"not": [{"a": 1}]}, "Filter 'not' takes a filter like {'colour': 'red'}, not list."),
        ([], "A search takes a filter like {'colour': 'red'}, not list."),
        ("red", "A search takes a filter like {'colour': 'red'}, not str."),
        ({".".join("a" * 21): 1}, "reaches deeper than 20 levels."),
        ({"x" * 1000: [1]}, "…, operator 'eq': a list"),
    ],
)
def test_a_bad_filter_is_explained_in_one_line(wanted: Filter, message: str) -> None:
    with pytest.raises(BadFilter) as refusal:
        compile_filter(wanted)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_filter_may_be_twenty_deep_and_no_deeper() -> None:
    wanted: Filter = {"a": 1}
    for _ in range(19):
        wanted = {"not": wanted}
    assert compile_filter(wanted) is not None
    with pytest.raises(BadFilter, match="nested deeper than 20 levels"):
        compile_filter({"or": [wanted]})


def test_a_filter_that_holds_itself_is_refused() -> None:
    wanted: dict[str, object] = {"a": 1}
    wanted["not"] = wanted
    with pytest.raises(BadFilter, match="nested deeper than 20 levels"):
        compile_filter(wanted)


def test_a_filter_that_doubles_at_each_level_is_refused_soon() -> None:
    wanted: Filter = {"a": "x" * 100}
    for _ in range(18):
        wanted = {"or": [wanted, wanted]}
    with pytest.raises(BadFilter, match="characters of jsonpath, more than 1,000,000"):
        compile_filter(wanted)


# What is kept -------------------------------------------------------------------------------------


def test_metadata_become_what_json_has() -> None:
    kept = storable(
        {
            "when": datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
            "day": date(26, 1, 31),
            "price": Decimal("19.99"),
            "pieces": Decimal("1E+2"),
            "id": UUID(int=1),
            "colour": Colour.RED,
            "level": Level.HIGH,
            "file": PurePosixPath("/a/b"),
            "pair": (1, {"x": None}),
            "big": 10**40,
        }
    )
    assert kept == {
        "when": "2026-01-31T09:30:00.000000+00:00",
        "day": "0026-01-31",
        "price": 19.99,
        "pieces": 100,
        "id": "00000000-0000-0000-0000-000000000001",
        "colour": "red",
        "level": 3,
        "file": "/a/b",
        "pair": [1, {"x": None}],
        "big": 10**40,
    }


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), values, max_size=3))
def test_what_json_can_hold_is_kept_as_it_is_or_refused(metadata: dict[str, object]) -> None:
    try:
        kept = storable(metadata)
    except BadMetadata as refusal:
        # Drawn, but not for Postgres.
        assert "NUL" in str(refusal) or "Infinity" in str(refusal) or "deeper" in str(refusal)  # noqa: PT017
    else:
        assert json.loads(json.dumps(kept, allow_nan=False)) == metadata


@given(st.lists(st.datetimes(timezones=st.timezones()), min_size=2, max_size=2))
def test_moments_sort_as_their_texts_do(moments: list[datetime]) -> None:
    try:
        texts = [storable({"at": moment})["at"] for moment in moments]
    except BadMetadata:
        return  # beyond the years 1 to 9999 in UTC
    earlier, later = (str(text) for text in texts)
    assert (earlier < later) == (moments[0].astimezone(UTC) < moments[1].astimezone(UTC))
    assert len(earlier) == len(later)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"a": {"b": [0, float("inf")]}}, "Metadata key 'a.b[1]': NaN and Infinity are no JSON"),
        ({"a": {"b": "x\x00"}}, "Metadata key 'a.b': Postgres keeps no text with a NUL"),
        ({"a": "\udfff"}, "Metadata key 'a': half a surrogate pair is no text"),
        ({"a": {"\x00": 1}}, r"Metadata key '\x00': Postgres keeps no text with a NUL"),
        ({"a": {1: 2}}, "A key of metadata is a text, not 1 in 'a'."),
        ({None: 2}, "A key of metadata is a text, not None."),
        ({"a": {1, 2}}, "Metadata key 'a': set is not a text, number, boolean, None, date"),
        ({"a": b"x"}, "Metadata key 'a': bytes is not a text"),
        ({"a": timedelta(1)}, "Metadata key 'a': timedelta is not a text"),
        ({"a": datetime(2026, 1, 1)}, "Metadata key 'a': a datetime needs a time zone, like"),  # noqa: DTZ001 - that is the point
        ({"a": datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))}, "the years 1 to 9999"),
        ({"a": Decimal("0.1234567890123456789")}, "Metadata key 'a': a Decimal with more digits"),
        ({"a": Decimal("1E-1999")}, "Metadata key 'a': a Decimal with more digits"),
        ({"a": 10**2000}, "Metadata key 'a': a number has more than 2,000 digits"),
        ([1], "Metadata are like {'colour': 'red'}, not list."),
    ],
)
def test_bad_metadata_are_explained_in_one_line(metadata: dict[str, object], message: str) -> None:
    with pytest.raises(BadMetadata) as refusal:
        storable(metadata)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_metadata_that_hold_themselves_are_refused() -> None:
    metadata: dict[str, object] = {}
    metadata["self"] = [metadata]
    with pytest.raises(BadMetadata, match="nested deeper than 20 levels"):
        storable(metadata)
