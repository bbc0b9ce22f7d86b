"""What was done between two readings, and what nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agentdb.history.buckets import day_of, place
from agentdb.history.deltas import Deltas, differences
from agentdb.history.reading import Reading, Work
from tests.readings import (
    LONG_AGO,
    MONDAY,
    QUARTER,
    entry,
    index,
    later,
    reading,
    spent,
    table,
)

MINUTE = timedelta(minutes=1)
FIVE_PAST = MONDAY + 5 * MINUTE


def calls(deltas: Deltas) -> dict[str, int]:
    return {delta.statement.fingerprint: delta.spent.calls for delta in deltas.statements}


def kinds(deltas: Deltas) -> list[str]:
    return [event.kind for event in deltas.events]


def scans(deltas: Deltas) -> dict[str, int | None]:
    return {
        delta.table.name: None if delta.work is None else delta.work.sequential_scans
        for delta in deltas.tables
    }


# Statements ---------------------------------------------------------------------------------------


def test_a_first_reading_tells_nothing_about_the_time_before() -> None:
    deltas = differences(None, reading(entry("a", 5), tables=(table("a", 7),)))
    assert (deltas.statements, deltas.events, deltas.start) == ((), (), deltas.end)
    assert scans(deltas) == {"a": None}


def test_what_is_more_than_before_was_done_since() -> None:
    before = reading(entry("a", 5), entry("b", 9))
    deltas = differences(before, later(before, entry("a", 8), entry("b", 9)))
    assert [(delta.statement.query, delta.spent) for delta in deltas.statements] == [
        ("SELECT a", spent(3))
    ]
    assert (deltas.start, deltas.end, deltas.gap) == (MONDAY, MONDAY + QUARTER, None)
    assert deltas.events == ()


def test_a_statement_that_is_new_was_called_since() -> None:
    before = reading(entry("a", 5))
    assert calls(differences(before, later(before, entry("a", 5), entry("b", 9)))) == {"of b": 9}


def test_a_statement_that_only_comes_into_sight_was_perhaps_called_before() -> None:
    before = reading(unidentified=3)
    assert calls(differences(before, later(before, entry("b", 9)))) == {}
    old = entry("c", 9, since=MONDAY - MINUTE)
    assert calls(differences(replace(before, unidentified=0), later(before, old))) == {}


def test_entries_of_several_users_and_query_ids_are_one_statement() -> None:
    before = reading(entry("a", 5, user=1), entry("a", 5, user=2))
    after = later(before, entry("a", 6, user=1), entry("a", 7, user=2), entry("a", 4, query_id=77))
    assert calls(differences(before, after)) == {"of a": 1 + 2 + 4}


def test_after_a_reset_of_all_everything_was_called_since_the_reset() -> None:
    before = reading(entry("a", 5), entry("b", 5))
    after = later(before, entry("a", 50), entry("b", 2), statements_reset_at=FIVE_PAST)
    deltas = differences(before, after)
    assert calls(deltas) == {"of a": 50, "of b": 2}
    assert (deltas.start, deltas.gap) == (FIVE_PAST, "statements were reset")
    assert kinds(deltas) == ["counters_lost"]


def test_the_time_of_a_reset_is_told_by_the_servers_clock() -> None:
    before = reading(entry("a", 5))
    fast = {"server_time": MONDAY + 7 * QUARTER, "statements_reset_at": MONDAY + 7 * QUARTER}
    assert differences(before, later(before, entry("a", 1), **fast)).start == MONDAY + QUARTER
    slow = {"server_time": MONDAY + QUARTER * 2, "statements_reset_at": FIVE_PAST}
    assert differences(before, later(before, entry("a", 1), **slow)).start == MONDAY


def test_a_reset_before_the_clocks_change_is_as_long_ago_as_it_is() -> None:
    read, spring = datetime(2026, 3, 29, 4, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    before = reading(entry("a", 5), at=read - 5 * QUARTER * 4)
    times = {
        "taken_at": read,
        "server_time": read.astimezone(spring),
        "statements_reset_at": (read - 4 * QUARTER * 4).astimezone(spring),
    }
    assert differences(before, later(before, entry("a", 1), **times)).start == read - 16 * QUARTER


def test_an_entry_that_began_anew_was_called_as_often_as_it_says() -> None:
    before = reading(entry("a", 5), entry("b", 5))
    after = later(before, entry("a", 3), entry("b", 6))
    deltas = differences(before, after)
    assert calls(deltas) == {"of a": 3, "of b": 1}
    assert deltas.gap is None
    assert [event.detail for event in deltas.events] == ["1 statement: reset one by one"]


def test_an_entry_that_began_anew_and_caught_up_is_told_by_its_age() -> None:
    before = reading(entry("a", 5, since=LONG_AGO))
    deltas = differences(before, later(before, entry("a", 9, since=FIVE_PAST)))
    assert calls(deltas) == {"of a": 9}
    assert kinds(deltas) == ["statements_forgotten"]


def test_an_age_that_a_newer_extension_adds_is_no_new_beginning() -> None:
    before = reading(entry("a", 5))
    assert calls(differences(before, later(before, entry("a", 9, since=LONG_AGO)))) == {"of a": 4}


def test_a_statement_that_is_forgotten_leaves_the_others_alone() -> None:
    before = reading(entry("a", 50), entry("b", 5), evictions=1)
    deltas = differences(before, later(before, entry("a", 54), evictions=2))
    assert calls(deltas) == {"of a": 4}
    assert deltas.events[0].detail == "1 statement: raise pg_stat_statements.max"


@pytest.mark.parametrize(
    ("was", "now", "counted"),
    [(3, 4, {}), (500, 1001, {}), (500, 520, {"of a": 20}), (500, 20, {"of a": 20})],
)
def test_without_an_age_what_may_have_been_evicted_and_caught_up_tells_nothing(
    was: int, now: int, counted: dict[str, int]
) -> None:
    """Also where no entry is missing at the reading: PostgreSQL 14 to 16 count the evictions."""
    before = reading(entry("a", was), entry("b", 99), evictions=7, server_version=160004)
    after = later(before, entry("a", now), entry("b", 99), evictions=9)
    deltas = differences(before, after)
    assert (calls(deltas), kinds(deltas)) == (counted, ["statements_forgotten"])
    certain = {"of a": now - was if now >= was else now}
    assert calls(differences(before, replace(after, evictions=7))) == certain
    aged = later(before, entry("a", now, since=LONG_AGO), entry("b", 99), evictions=9)
    assert calls(differences(before, aged)) == certain


def test_a_server_that_does_not_tell_resets_leaves_a_gap() -> None:
    before = reading(entry("a", 5), entry("b", 5), statements_reset_at=None, evictions=None)
    deltas = differences(before, later(before, entry("a", 9), entry("b", 4)))
    assert calls(deltas) == {}
    assert deltas.start == deltas.end
    assert "does not say which" in (deltas.gap or "")
    assert calls(differences(before, later(before, entry("a", 9), entry("b", 5)))) == {"of a": 4}


def test_a_restart_that_keeps_counters_leaves_no_gap() -> None:
    before = reading(entry("a", 5), tables=(table("a", 3),))
    deltas = differences(before, later(before, entry("a", 6), server_started_at=FIVE_PAST))
    assert (calls(deltas), deltas.gap, kinds(deltas)) == ({"of a": 1}, None, ["restarted"])


def test_a_crash_leaves_a_gap_up_to_the_restart() -> None:
    before = reading(entry("a", 5))
    lost = {"server_started_at": FIVE_PAST, "statements_reset_at": FIVE_PAST}
    deltas = differences(before, later(before, entry("a", 9), **lost))
    assert (calls(deltas), deltas.start) == ({"of a": 9}, FIVE_PAST)
    assert deltas.gap == "the server restarted without them"
    assert kinds(deltas) == ["restarted", "counters_lost"]


def test_a_new_version_with_new_query_ids_goes_on_by_fingerprint() -> None:
    before = reading(entry("a", 5, query_id=1), server_version=170006)
    new = {"server_started_at": FIVE_PAST, "statements_reset_at": FIVE_PAST}
    after = later(before, entry("a", 2, query_id=2), server_version=180001, **new)
    deltas = differences(before, after)
    assert calls(deltas) == {"of a": 2}
    assert deltas.events[0].detail == "17.6 → 18.1"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"database_oid": 6}, "another database"),
        ({"server_started_at": LONG_AGO - MINUTE}, "another server"),
        ({"statements_reset_at": LONG_AGO + MINUTE}, "another server"),
        ({"taken_at": MONDAY}, "the clock went back"),
    ],
)
def test_the_counters_of_another_tell_nothing(facts: dict[str, object], reason: str) -> None:
    before = reading(entry("a", 5), tables=(table("a", 3),), indexes=(index("i", "USING x", 1),))
    after = later(before, entry("a", 9), tables=(table("a", 9),), **facts)
    deltas = differences(before, replace(after, indexes=(index("i", "USING x", 8),)))
    assert (deltas.statements, scans(deltas), deltas.indexes[0].scans) == ((), {"a": None}, 0)
    assert reason in (deltas.gap or "")


# Where in time ------------------------------------------------------------------------------------


def test_an_hour_in_which_clocks_change_is_an_hour() -> None:
    spring = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    end = start + timedelta(hours=1)
    assert place(start.astimezone(spring), end.astimezone(spring)) == place(start, end)
    assert place(start, end).seconds is None
    late = datetime(2026, 10, 24, 21, 30, tzinfo=UTC)
    autumn = (at.astimezone(spring) for at in (late, late + timedelta(hours=5)))
    assert day_of(*autumn) == late.date() + timedelta(days=1)


# Tables -------------------------------------------------------------------------------------------


def tables_after(before: Reading, *, a: int, b: int, **facts: object) -> dict[str, int | None]:
    tables = (table("a", a), table("b", b))
    return scans(differences(before, later(before, tables=tables, **facts)))


@pytest.fixture
def two_tables() -> Reading:
    return reading(tables=(table("a", 10), table("b", 20)))


def test_tables_are_counted_as_statements_are(two_tables: Reading) -> None:
    assert tables_after(two_tables, a=12, b=20) == {"a": 2, "b": 0}


def test_one_table_that_was_reset_has_the_whole_count(two_tables: Reading) -> None:
    assert tables_after(two_tables, a=4, b=21) == {"a": 4, "b": 1}


def test_all_tables_that_were_reset_have_the_whole_count(two_tables: Reading) -> None:
    assert tables_after(two_tables, a=12, b=3, database_reset_at=FIVE_PAST) == {"a": 12, "b": 3}


def test_after_a_crash_only_what_is_certain_counts(two_tables: Reading) -> None:
    crashed = {"server_started_at": FIVE_PAST, "statements_reset_at": FIVE_PAST}
    assert tables_after(two_tables, a=12, b=3, **crashed) == {"a": None, "b": 3}


def test_a_table_that_was_made_again_has_the_whole_count(two_tables: Reading) -> None:
    tables = (table("a", 12, oid=900), table("b", 20))
    assert scans(differences(two_tables, later(two_tables, tables=tables))) == {"a": 12, "b": 0}


def test_a_table_under_another_name_is_the_same(two_tables: Reading) -> None:
    tables = (replace(table("a", 12), name="older"), table("b", 20))
    assert scans(differences(two_tables, later(two_tables, tables=tables)))["older"] == 2


def test_writes_count_too() -> None:
    worked = replace(table("a"), work=Work(1, 2, 3, 4, 5, 6))
    before = reading(tables=(table("a"),))
    (delta,) = differences(before, later(before, tables=(worked,))).tables
    assert delta.work == Work(1, 2, 3, 4, 5, 6)


# The catalog --------------------------------------------------------------------------------------

BY_A, BY_B = "USING btree (a)", "USING btree (b)"


def test_an_index_that_comes_and_one_that_goes_are_told() -> None:
    before = reading(indexes=(index("by_a", BY_A, 4),))
    deltas = differences(before, later(before, indexes=(index("by_b", BY_B, 3),)))
    dropped, created = deltas.events
    assert (dropped.kind, dropped.definition, dropped.detail) == ("index_dropped", BY_A, "by_a")
    assert (created.kind, created.schema, created.table) == ("index_created", "public", "orders")
    assert (created.since, created.at) == (MONDAY, MONDAY + QUARTER)
    assert [each.name for each in deltas.gone] == ["by_a"]
    assert [(each.before, each.scans) for each in deltas.indexes] == [(None, 3)]


@pytest.mark.parametrize("oid", [1, 2])
def test_an_index_of_the_same_definition_is_the_same_index(oid: int) -> None:
    before = reading(indexes=(index("by_a", BY_A, 4, oid=1),))
    deltas = differences(before, later(before, indexes=(index("renamed", BY_A, 6, oid=oid),)))
    assert (deltas.events, deltas.gone) == ((), ())
    assert deltas.indexes[0].scans == 2


def test_an_index_that_was_built_again_by_hand_was_scanned_as_often_as_it_says() -> None:
    before = reading(indexes=(index("by_a", BY_A, 4, oid=1),))
    deltas = differences(before, later(before, indexes=(index("by_a", BY_A, 3, oid=2),)))
    assert (deltas.events, deltas.indexes[0].scans) == ((), 3)


def test_scans_that_reindex_hands_on_are_not_counted_again() -> None:
    """REINDEX CONCURRENTLY makes another index under the name, with the scans of the first."""
    before = reading(indexes=(index("by_a", BY_A, 1_000_000, oid=1),))
    deltas = differences(before, later(before, indexes=(index("by_a", BY_A, 1_000_000, oid=2),)))
    assert (deltas.events, deltas.indexes[0].scans) == ((), 0)


def test_an_index_whose_column_is_renamed_is_the_same_index() -> None:
    before = reading(indexes=(index("by_a", BY_A, 4),))
    assert differences(before, later(before, indexes=(index("by_a", BY_B, 4),))).events == ()


def test_one_of_two_equal_indexes_can_go() -> None:
    before = reading(indexes=(index("one", BY_A), index("two", BY_A)))
    deltas = differences(before, later(before, indexes=(index("two", BY_A),)))
    assert [(event.kind, event.detail) for event in deltas.events] == [("index_dropped", "one")]


def test_an_index_that_could_not_be_looked_at_is_not_gone() -> None:
    before = reading(indexes=(index("by_a", BY_A),))
    deltas = differences(
        before, later(before, indexes=(), altered=frozenset({("public", "orders")}))
    )
    assert (deltas.indexes, deltas.gone, deltas.events) == ((), (), ())


def test_an_index_that_becomes_invalid_or_valid_is_told() -> None:
    before = reading(indexes=(index("a", BY_A), index("b", BY_B, valid=False)))
    now = (index("a", BY_A, valid=False), index("b", BY_B), index("c", "USING c", valid=False))
    deltas = differences(before, later(before, indexes=now))
    assert [(event.kind, event.detail) for event in deltas.events] == [
        ("index_became_invalid", "a"),
        ("index_became_valid", "b"),
        ("index_created", "c"),
        ("index_became_invalid", "c"),
    ]


def test_settings_that_change_are_told() -> None:
    before = reading()
    deltas = differences(before, later(before, settings={"work_mem": "64MB", "jit": "off"}))
    assert [event.detail for event in deltas.events] == [
        "jit: not set → off",
        "work_mem: 4MB → 64MB",
    ]


def test_a_setting_that_a_new_version_brings_is_no_change() -> None:
    before = reading(server_version=170006)
    now = later(before, settings={"work_mem": "4MB", "jit": "on"}, server_version=180001)
    assert kinds(differences(before, now)) == ["version_changed"]
