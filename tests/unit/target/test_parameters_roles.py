"""What a parameter is there for, and which values it then gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agentdb.target.catalog import Column, Histogram
from agentdb.target.parameters.describing import ParameterType
from agentdb.target.parameters.drawing import draw
from agentdb.target.parameters.needs import Need, read_needs
from agentdb.target.parameters.repair import repair
from agentdb.target.parameters.roles import read_roles
from agentdb.target.parameters.sampling import Samples
from agentdb.target.parameters.themes import (
    COMMON,
    FREQUENT,
    MIDDLE,
    RARE,
    ROW,
    TWO_ELEMENTS,
    Theme,
    limited,
    listing,
)
from agentdb.target.parameters.vocabulary import Role
from agentdb.target.parameters.weighing import agreement, chance_of, expected_rows
from agentdb.target.scope import Scoped, read_scopes
from tests.builders import catalog, column, table

NOW = datetime(2024, 4, 30, 18, tzinfo=UTC)
TEXT = ParameterType(25, "text", "S")
INTEGER = ParameterType(23, "integer", "N")
MOMENT = ParameterType(1184, "timestamp with time zone", "D")
INTERVAL = ParameterType(1186, "interval", "T")
TEXTS = ParameterType(1009, "text[]", "A", "text")
JSON = ParameterType(3802, "jsonb", "U")


def known(found: Column, histogram: Histogram) -> Column:
    return replace(found, histogram=histogram)


COURSES = Histogram(("1", "2", "3"), (0.02, 0.02, 0.01))
STATUSES = Histogram(("done", "pending", "failed"), (0.95, 0.04, 0.01))
IDS = Histogram(bounds=tuple(str(number * 100) for number in range(101)))
DAYS = Histogram(
    bounds=tuple(f"2024-04-{day:02} {hour:02}:00:00+00" for day in range(1, 31) for hour in (0, 12))
)
NAMES = Histogram(bounds=("user-adams", "user-brown", "user-clark 50%", "user-davis", "user-evans"))
TAGS = Histogram(elements=("sql", "go", "rust"), element_frequencies=(0.5, 0.3, 0.001))

ORDERS = table(
    "orders",
    known(column("id", "bigint", distinct=100_000), IDS),
    known(column("status", "text", distinct=3), STATUSES),
    known(column("at", "timestamp with time zone"), DAYS),
    known(column("name", "text"), NAMES),
    known(column("tags", "text[]"), TAGS),
    known(column("course_id", "bigint", distinct=1000), COURSES),
    column("payload", "jsonb"),
    column("gone_at", "timestamp with time zone", null_fraction=0.9),
)
CATALOG = catalog(ORDERS, table("users", column("id", "bigint"), column("email", "text")))
SAMPLES: Samples = {
    ORDERS.oid: {
        "id": ("42", "43", "44"),
        "status": ("pending", "done", "done"),
        "at": ("2024-04-10 00:00:00+00", None, None),
        "name": ("user-clark 50%", "user-davis", "user-evans"),
        "tags": ("{rust,go}", "{sql}", "{sql}"),
        "payload": (
            '{"city": "Ulm", "age": 30, "home": {"zip": "1"}}',
            '{"city": "Bonn", "age": 40, "home": {"zip": "2"}}',
            '{"city": "Bonn", "age": 50, "home": {"zip": "3"}, "vip": true}',
        ),
    }
}


def scoped(condition: str) -> Scoped:
    return read_scopes(repair(f"SELECT * FROM orders o WHERE {condition}").tree, CATALOG)


def roles(condition: str) -> dict[int, Role]:
    return dict(read_roles(scoped(condition)))


def needs(condition: str, *kinds: ParameterType) -> dict[int, Need]:
    statement = repair(f"SELECT * FROM orders o WHERE {condition}")
    types = dict(zip(statement.numbers, kinds, strict=True))
    found = read_roles(read_scopes(statement.tree, CATALOG))
    return dict(read_needs(statement, found, types, SAMPLES, NOW))


def drawn(condition: str, theme: Theme, *kinds: ParameterType) -> list[object]:
    return [draw(need, theme) for _, need in sorted(needs(condition, *kinds).items())]


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("status = $1", ["equal"]),
        ("$1 = status", ["equal"]),
        ("status <> $1", ["differ"]),
        ("status NOT IN ($1, $2)", ["differ", "differ"]),
        ("status IS NOT DISTINCT FROM $1", ["equal"]),
        ("lower(status) = lower($1)", ["equal"]),
        ("id > $1", ["above"]),
        ("$1 > id", ["below"]),
        ("id BETWEEN $1 AND $2", ["above", "below"]),
        ("(id, at) < ($1, $2)", ["below", "below"]),
        ("(id, status) IN (($1, $2))", ["equal", "equal"]),
        ("at >= $1 - interval $2", ["above", "operand"]),
        ("at > now() - interval $1", ["ago"]),
        ("at > now() - $1 * interval $2", ["ago", "unit"]),
        ("at > now() - make_interval(days => $1)", ["ago"]),
        ("at + interval $1 > now()", ["ago"]),
        ("at AT TIME ZONE $1 > $2", ["zone", "above"]),
        ("name LIKE $1", ["like"]),
        ("name NOT ILIKE $1", ["unlike"]),
        ("name LIKE $1 ESCAPE $2", ["like", "escape"]),
        ("name LIKE $1 || $2", ["beginning", "wildcard"]),
        ("name LIKE $1 || $2 || $3", ["wildcard", "fragment", "wildcard"]),
        ("name LIKE $1 || o.status || $2", ["wildcard", "wildcard"]),
        ("name SIMILAR TO $1", ["similar"]),
        ("name ~ $1", ["regex"]),
        ("name % $1", ["equal"]),
        ("id % $1 = $2", ["operand", "equal"]),
        ("tags @> $1", ["contain"]),
        ("$1 = ANY (tags)", ["equal"]),
        ("id = ANY ($1)", ["equal"]),
        ("payload ->> $1 = $2", ["key", "equal"]),
        ("payload #>> $1 = $2", ["path", "equal"]),
        ("payload ? $1", ["has key"]),
        ("payload @> $1", ["contain"]),
        ("payload @? $1", ["json filter"]),
        ("payload @@ $1", ["json predicate"]),
        ("to_tsvector($1, name) @@ plainto_tsquery($2, $3)", ["language", "language", "words"]),
        ("extract($1 FROM at) = $2", ["field", "equal"]),
        ("date_trunc($1, at) = $2", ["precision", "equal"]),
        ("to_char(at, $1) = $2", ["format", "equal"]),
        ("($1 IS NULL OR status = $1)", ["equal"]),
        ("EXISTS (SELECT $1 FROM users u WHERE u.id = o.id AND u.email = $2)", ["other", "equal"]),
        ("CASE status WHEN $1 THEN true END", ["equal"]),
        ("EXISTS (SELECT FROM (VALUES ($1, $2)) AS v(a, b) WHERE v.a = o.id)", ["equal", "other"]),
        ("true LIMIT $1 OFFSET $2", ["limit", "offset"]),
        ("gone_at IS NULL AND length(name) > $1", ["above"]),
    ],
)
def test_every_parameter_has_a_role(condition: str, kinds: list[str]) -> None:
    found = roles(condition)

    assert [found[number].kind for number in sorted(found)] == kinds


def test_a_role_knows_the_column_through_an_alias_and_a_subquery() -> None:
    found = roles("EXISTS (SELECT 1 FROM users u WHERE u.email = $1 AND u.id = o.id)")

    assert found[1].source is not None
    assert found[1].source.bound.column.name == "email"


@pytest.mark.parametrize(
    ("theme", "value"),
    [(COMMON, "done"), (RARE, "failed"), (MIDDLE, "pending"), (ROW, "pending")],
)
def test_equality_gets_common_rare_and_real_values(theme: Theme, value: str) -> None:
    assert drawn("status = $1", theme, TEXT) == [value]


def test_one_row_gives_all_values_of_its_table() -> None:
    assert drawn("status = $1 AND id = $2", ROW, TEXT, INTEGER) == ["pending", "42"]


def test_a_frequent_value_is_one_from_among_the_most_common() -> None:
    assert drawn("course_id = $1", COMMON, INTEGER) == ["1"]
    assert drawn("course_id = $1", FREQUENT, INTEGER) == ["2"]


def test_parameters_of_one_column_differ() -> None:
    assert drawn("id = $1 OR id = $2", ROW, INTEGER, INTEGER) == ["42", "43"]
    assert drawn("status IN ($1, $2, $3)", COMMON, TEXT, TEXT, TEXT) == [
        "done",
        "pending",
        "failed",
    ]


def test_a_squashed_list_gets_several_values() -> None:
    assert drawn("status IN ($1 /*, ... */)", COMMON, TEXT) == [("done", "pending", "failed")]


def test_a_long_list_keeps_its_length() -> None:
    items = ", ".join(f"${number}" for number in range(1, 151))

    (value,) = drawn(f"id IN ({items})", COMMON, INTEGER)

    assert isinstance(value, tuple)
    assert len(value) == 150


def test_an_array_parameter_gets_an_array() -> None:
    assert drawn("status = ANY ($1)", COMMON, TEXTS) == ['{"done","pending","failed"}']
    assert drawn("tags @> $1", RARE, TEXTS) == ['{"rust"}']
    assert drawn("$1 = ANY (tags)", COMMON, TEXT) == ["sql"]
    assert drawn("$1 = ANY (tags)", ROW, TEXT) == ["rust"]


def test_an_array_to_contain_gets_two_elements_that_one_row_has() -> None:
    assert drawn("tags @> $1", TWO_ELEMENTS, TEXTS) == ['{"rust","go"}']


def test_both_ends_of_a_range_fit() -> None:
    for theme in (COMMON, RARE, MIDDLE, ROW):
        lower, upper = drawn("id >= $1 AND id < $2", theme, INTEGER, INTEGER)
        assert int(str(lower)) < int(str(upper)) <= 10_000


@pytest.mark.parametrize(
    ("condition", "theme", "value"),
    [
        ("id > $1", COMMON, "9000"),
        ("id > $1", RARE, "9900"),
        ("id > $1", MIDDLE, "5000"),
        ("id < $1", COMMON, "1000"),
        ("id < $1", RARE, "100"),
        ("id < $1", MIDDLE, "5000"),
    ],
)
def test_a_lone_bound_leaves_a_believable_share(condition: str, theme: Theme, value: str) -> None:
    assert drawn(condition, theme, INTEGER) == [value]


def test_an_interval_back_from_now_is_what_people_ask_for() -> None:
    assert drawn("at > now() - $1", RARE, INTERVAL) == ["1 days"]
    assert drawn("at > now() - $1", COMMON, INTERVAL) == ["30 days"]
    assert drawn("at > now() - make_interval(days => $1)", RARE, INTEGER) == ["1"]


def test_an_interval_reaches_back_to_where_rows_are() -> None:
    (need,) = needs("at > now() - $1", INTERVAL).values()
    much_later = replace(need, now=datetime(2026, 5, 1, tzinfo=UTC))

    assert draw(much_later, RARE) == "732 days"


@pytest.mark.parametrize(
    ("theme", "pattern"),
    [(ROW, "user-cla%"), (COMMON, "%clark%"), (MIDDLE, "%davis")],
)
def test_a_pattern_matches_something_and_not_everything(theme: Theme, pattern: str) -> None:
    assert drawn("name LIKE $1", theme, TEXT) == [pattern]


def test_wildcards_in_a_value_are_escaped() -> None:
    ending = replace(ROW, wildcard="suffix")

    assert drawn("name LIKE $1", ending, TEXT) == ["%k 50\\%"]


def test_json_keys_and_values_occur_together() -> None:
    assert drawn("payload ->> $1 = $2", ROW, TEXT, TEXT) == ["age", "30"]
    assert drawn("payload -> $1 ->> $2 = $3", ROW, TEXT, TEXT, TEXT) == ["home", "zip", "1"]
    assert drawn("payload #>> $1 = $2", ROW, TEXTS, TEXT)[0] == '{"age"}'
    assert drawn("payload ->> 'city' = $1", COMMON, TEXT) == ["Bonn"]


def test_a_json_value_that_is_cast_is_of_that_type() -> None:
    assert drawn("(payload ->> $1)::int > $2", MIDDLE, TEXT, INTEGER) == ["age", "40"]
    assert drawn("(payload ->> $1)::bool", COMMON, TEXT) == ["vip"]


def test_a_contained_document_is_small_and_occurs() -> None:
    assert drawn("payload @> $1", COMMON, JSON) == ['{"city": "Bonn"}']
    assert drawn("payload ? $1", RARE, TEXT) == ["vip"]
    path = ParameterType(4072, "jsonpath", "U")
    assert drawn("payload @? $1", COMMON, path) == ['$."city" ? (@ == "Bonn")']
    assert drawn("payload @@ $1", COMMON, path) == ['$."city" == "Bonn"']


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (INTEGER, "1"),
        (TEXT, "a"),
        (ParameterType(16, "boolean", "B"), "true"),
        (ParameterType(2950, "uuid", "U"), "00000000-0000-0000-0000-000000000000"),
        (ParameterType(0, "mood", "E", None, "glad"), "glad"),
        (ParameterType(0, "mood[]", "A", "mood", "glad"), '{"glad"}'),
        (ParameterType(1007, "integer[]", "A", "integer"), '{"1"}'),
        (ParameterType(0, "geometry", "U"), None),
    ],
)
def test_a_parameter_without_a_use_gets_a_value_of_its_type(
    kind: ParameterType, value: str | None
) -> None:
    assert drawn("true ORDER BY $1", COMMON, kind) == [value]


def test_a_text_that_does_not_fit_the_type_is_not_drawn() -> None:
    assert drawn("length(name) > $1", COMMON, INTEGER) == ["1"]


def test_limits_agree_with_the_rows_a_call_returns() -> None:
    rows = (0.0, 0.98, 4.7, 6.6, 19.9, 3000.0)
    assert [limited(COMMON, each).limit for each in rows] == [10, 1, 10, 10, 20, 3000]
    assert [listing(COMMON, rows).several for rows in (0.0, 1.0, 48.7, 5000.0)] == [5, 2, 49, 100]


@pytest.mark.parametrize(
    ("condition", "values", "kinds", "rows"),
    [
        ("status = $1", {1: "done"}, [TEXT], 95_000),
        ("status = $1", {1: "failed"}, [TEXT], 1_000),
        ("status <> $1", {1: "done"}, [TEXT], 5_000),
        ("status IN ($1 /*, ... */)", {1: ("pending", "failed")}, [TEXT], 5_000),
        ("id = $1", {1: "17"}, [INTEGER], 1),
        ("id = ANY ($1)", {1: "{1,2,3}"}, [ParameterType(1, "bigint[]", "A", "bigint")], 3),
        ("id > $1", {1: "9900"}, [INTEGER], 1_000),
        ("id >= $1 AND id < $2", {1: "5000", 2: "5500"}, [INTEGER, INTEGER], 5_000),
        ("at > now() - $1", {1: "1 days"}, [INTERVAL], 1_695),
        ("at > now() - $1", {1: "15 days"}, [INTERVAL], 49_150),
        ("status = $1 AND gone_at IS NULL", {1: "failed"}, [TEXT], 900),
        ("status = $1 LIMIT $2", {1: "done", 2: "20"}, [TEXT, INTEGER], 20),
        ("tags @> $1", {1: '{"rust"}'}, [TEXTS], 100),
        ("name LIKE $1", {1: "user-cl%"}, [TEXT], 20_000),
        ("payload @> $1", {1: '{"city": "Ulm"}'}, [JSON], 33_333),
    ],
)
def test_the_statistics_tell_how_many_rows_come(
    condition: str, values: dict[int, str | tuple[str, ...]], kinds: list[ParameterType], rows: int
) -> None:
    expected = expected_rows(scoped(condition), needs(condition, *kinds), values)

    assert expected == pytest.approx(rows, rel=0.06, abs=1)


@pytest.mark.parametrize(
    "condition",
    [
        "status = $1 OR id = 1",
        "length(name) > $1",
        "name ~ $1",
        "id IN (SELECT id FROM users WHERE email = $1)",
    ],
)
def test_where_the_statistics_do_not_tell_nothing_is_claimed(condition: str) -> None:
    assert expected_rows(scoped(condition), needs(condition, TEXT), {1: "1"}) is None


def test_a_value_of_few_is_asked_for_though_few_rows_hold_it() -> None:
    need = needs("status = $1", TEXT)[1]
    assert chance_of(need, "done") == chance_of(need, "failed") == pytest.approx(1 / 3)


def test_the_most_common_of_many_values_is_not_what_most_calls_ask_for() -> None:
    need = needs("course_id = $1", INTEGER)[1]
    assert chance_of(need, "1") == pytest.approx(0.001)
    assert chance_of(need, "777") == pytest.approx(0.997)


@pytest.mark.parametrize("condition", ["course_id > $1", "length(name) = $1", "name LIKE $1"])
def test_where_values_cannot_be_counted_all_are_asked_for_alike(condition: str) -> None:
    assert chance_of(needs(condition, INTEGER)[1], "1") == 1


def test_agreement_is_best_when_rows_are_as_observed() -> None:
    assert agreement(None, None) == agreement(12, None) == 1
    assert agreement(12, 12) == 1
    assert agreement(24, 12) > agreement(120, 12) > agreement(95_000, 12) > 0
