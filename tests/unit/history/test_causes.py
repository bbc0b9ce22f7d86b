"""Likely causes: what happened to the tables of a statement and to its server, in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from agentdb.history.catalog import TableDay
from agentdb.history.causes import CatalogHistory, SeenPlans, causes_for_all, likely_causes
from agentdb.history.events import CatalogEvent, EventKind
from agentdb.history.figures import Figure
from agentdb.history.regressions import Change
from tests.simulated import NOW

DAY = timedelta(days=1)
SINCE = NOW - 7 * DAY

SLOWER = Change(
    fingerprint="f",
    query="SELECT",
    tables=frozenset({"public.orders"}),
    writes=False,
    verdict="slower",
    reason="",
    percent=Figure(100, 80, 120),
    blocks_percent=Figure(300, 200, 400),
    lost_milliseconds=Figure(1, 1, 1),
    milliseconds_before=1,
    milliseconds_after=2,
    blocks_before=10,
    blocks_after=40,
    calls_before=100,
    calls_after=100,
    weeks=8,
    probability=0.001,
)
FASTER = replace(SLOWER, verdict="faster", percent=Figure(-50, -60, -40))
SAME_BLOCKS = replace(SLOWER, blocks_percent=Figure(1, -2, 4))


def event(
    kind: EventKind,
    table: str | None = None,
    definition: str | None = None,
    days: float = 3,
) -> CatalogEvent:
    at = NOW - days * DAY
    schema = table and "public"
    return CatalogEvent(kind, at, at - DAY / 24, "its detail", schema, table, definition)


DROPPED = event("index_dropped", "orders", "USING btree (customer_id)")
RESTARTED = event("restarted")


def table_day(days_ago: int, rows: int, *, modified: int = 0, analyzed_ago: int = 60) -> TableDay:
    return TableDay(
        schema="public",
        table="orders",
        day=(NOW - days_ago * DAY).date(),
        sequential_scans=0,
        index_scans=0,
        inserted=0,
        updated=0,
        hot_updated=0,
        deleted=0,
        live_rows=rows,
        dead_rows=0,
        modified_rows=modified,
        size_bytes=0,
        analyzed_at=NOW - analyzed_ago * DAY,
    )


def kinds(change: Change, history: CatalogHistory) -> list[str]:
    return [cause.kind for cause in likely_causes(change, SINCE, history)]


def test_a_dropped_index_comes_before_a_restart() -> None:
    history = CatalogHistory(events=[RESTARTED, DROPPED])
    first, second = likely_causes(SLOWER, SINCE, history)
    assert (first.kind, second.kind) == ("index dropped", "restart")
    assert first.sentence == (
        "the index USING btree (customer_id) on public.orders was dropped "
        "between 2026-02-26 23:00 and 2026-02-27 00:00 UTC (its detail)"
    )


def test_with_blocks_unchanged_it_is_hardly_the_plan() -> None:
    history = CatalogHistory(events=[DROPPED, RESTARTED, event("setting_changed")])
    assert kinds(SAME_BLOCKS, history)[0] == "setting changed"


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        ("index_dropped", SLOWER, ["index dropped"]),
        ("index_became_invalid", SLOWER, ["index invalid"]),
        ("index_created", SLOWER, ["index created"]),  # the planner may be misled by it
        ("index_created", replace(SLOWER, writes=True), ["index created"]),
        ("index_created", FASTER, ["index created"]),
        ("index_became_valid", FASTER, ["index created"]),
        ("index_dropped", FASTER, ["index dropped"]),
        ("index_became_invalid", FASTER, []),
        ("index_dropped", replace(FASTER, writes=True), ["index dropped"]),
        ("index_became_invalid", replace(FASTER, writes=True), []),
        ("restarted", FASTER, []),
        ("version_changed", SLOWER, ["server version"]),
        ("counters_lost", SLOWER, []),
    ],
)
def test_an_event_explains_what_it_can(
    kind: EventKind, change: Change, expected: list[str]
) -> None:
    of_an_index = kind.startswith("index")
    happened = event(kind, "orders", "USING btree (a)") if of_an_index else event(kind)
    assert kinds(change, CatalogHistory(events=[happened])) == expected


def test_another_tables_index_is_no_cause() -> None:
    other = event("index_dropped", "customers", "USING btree (a)")
    assert kinds(SLOWER, CatalogHistory(events=[other])) == []


def test_an_index_that_was_built_anew_is_not_dropped() -> None:
    again = event("index_created", "orders", DROPPED.definition, days=2)
    assert kinds(SLOWER, CatalogHistory(events=[again, DROPPED])) == []


def test_what_happened_weeks_ago_is_no_cause_of_this_week() -> None:
    assert kinds(SLOWER, CatalogHistory(events=[event("restarted", days=12)])) == []


def test_an_index_that_came_and_went_was_not_there_before() -> None:
    came = event("index_created", "orders", DROPPED.definition, days=5)
    assert kinds(SLOWER, CatalogHistory(events=[came, DROPPED])) == []


def test_an_index_that_was_never_whole_slows_nobody_down() -> None:
    """What a failed CREATE INDEX CONCURRENTLY leaves: first seen, and seen to be invalid."""
    failed = [event(kind, "orders", "USING btree (a)", days=9.5) for kind in CREATED_INVALID]
    assert kinds(SLOWER, CatalogHistory(events=failed)) == []
    long_ago = [replace(one, at=one.at - 9 * DAY) for one in failed]
    swept = event("index_dropped", "orders", "USING btree (a)")
    assert kinds(SLOWER, CatalogHistory(events=[*long_ago, swept])) == []


CREATED_INVALID: tuple[EventKind, ...] = ("index_created", "index_became_invalid")


def seen(*shapes: str, days_ago: float) -> SeenPlans:
    return SeenPlans("f", shapes, NOW - days_ago * DAY)


@pytest.mark.parametrize(
    ("now", "is_told"),
    [
        (("scan",), True),  # of another kind than any before
        (("scan", "index"), True),
        (("index",), False),
        (("bitmap",), True),  # most calls' plan is nobody's any more
        (("bitmap", "index"), False),  # other values weigh more, the plans are the same
        (("index", "scan"), False),
    ],
)
def test_a_plan_is_another_one_when_other_values_do_not_explain_it(
    now: tuple[str, ...], is_told: bool
) -> None:
    history = CatalogHistory(plans=[seen(*now, days_ago=1), seen("index", "bitmap", days_ago=20)])
    found = likely_causes(SLOWER, SINCE, history)
    assert [cause.kind for cause in found] == ["plan changed"] * is_told


def test_a_plan_that_was_seen_some_weeks_ago_is_no_new_one() -> None:
    plans = [seen("scan", "index", days_ago=30), seen("index", days_ago=20)]
    now = seen("scan", "index", days_ago=1)
    assert kinds(SLOWER, CatalogHistory(plans=[*plans, now])) == []


def test_another_statement_s_plan_or_one_seen_once_tells_nothing() -> None:
    once = [seen("index", days_ago=20)]
    assert kinds(SLOWER, CatalogHistory(plans=once)) == []
    another = replace(seen("scan", days_ago=1), fingerprint="g")
    assert kinds(SLOWER, CatalogHistory(plans=[*once, another])) == []


def test_growth_is_plausible_by_how_much_it_explains() -> None:
    def plausibility(rows: int) -> float:
        days = [table_day(ago, 1000) for ago in (30, 20, 10)] + [table_day(1, rows)]
        return sum(
            c.plausibility for c in likely_causes(SLOWER, SINCE, CatalogHistory(tables=days))
        )

    assert plausibility(1100) == 0
    assert 0 < plausibility(1300) < plausibility(1900) < plausibility(2000)
    assert plausibility(2000) == plausibility(9000)


def test_fewer_rows_explain_a_faster_statement() -> None:
    days = [table_day(20, 1000), table_day(1, 400)]
    assert kinds(FASTER, CatalogHistory(tables=days)) == ["rows went"]
    assert kinds(SLOWER, CatalogHistory(tables=days)) == []


def test_statistics_of_other_rows_are_a_cause() -> None:
    stale = CatalogHistory(tables=[table_day(1, 1000, modified=400)])
    (cause,) = likely_causes(SLOWER, SINCE, stale)
    assert cause.sentence == (
        "public.orders was analyzed last on 2026-01-01; 40 % of its rows were modified since"
    )
    fresh = CatalogHistory(tables=[table_day(1, 1000, modified=400, analyzed_ago=2)])
    assert kinds(SLOWER, fresh) == []
    assert kinds(FASTER, fresh) == ["statistics renewed"]


def test_counters_that_began_anew_after_a_crash_tell_nothing_of_rows() -> None:
    before, after = table_day(20, 1000), table_day(1, 40, modified=40)
    lost = CatalogHistory(tables=[before, replace(after, analyzed_at=None)])
    assert kinds(FASTER, lost) == []
    assert kinds(SLOWER, lost) == []
    never = CatalogHistory(tables=[replace(day, analyzed_at=None) for day in (before, after)])
    assert kinds(FASTER, never) == ["rows went"]
    assert kinds(SLOWER, never) == ["statistics aged"]


def test_what_did_not_change_has_no_cause() -> None:
    unchanged = replace(SLOWER, verdict="unchanged")
    assert kinds(unchanged, CatalogHistory(events=[DROPPED, RESTARTED])) == []


def test_the_whole_machine_is_slowed_by_what_concerns_all() -> None:
    events = [RESTARTED, DROPPED, event("setting_changed")]
    found = causes_for_all(events, SINCE, slower=True)
    assert [cause.kind for cause in found] == ["setting changed", "restart"]
    assert [c.kind for c in causes_for_all(events, SINCE, slower=False)] == ["setting changed"]


def test_moments_are_told_by_one_clock_wherever_they_are_read() -> None:
    elsewhere = replace(RESTARTED, at=RESTARTED.at.astimezone(timezone(9 * DAY / 24)))
    history, same = (CatalogHistory(events=[one]) for one in (elsewhere, RESTARTED))
    assert likely_causes(SLOWER, SINCE, history) == likely_causes(SLOWER, SINCE, same)
