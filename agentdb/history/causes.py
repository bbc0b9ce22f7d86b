"""Why may a statement have changed? What the catalog's history says, most plausible first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import log
from typing import Literal

from agentdb.history.catalog import TableDay
from agentdb.history.events import CatalogEvent, EventKind
from agentdb.history.regressions import Change

CauseKind = Literal[
    "index dropped",
    "index invalid",
    "index created",
    "plan changed",
    "rows grew",
    "rows went",
    "statistics aged",
    "statistics renewed",
    "setting changed",
    "server version",
    "restart",
]

_SHORTLY_BEFORE = timedelta(days=2)  # the week: what happened then shows in it
_NEWS = 1.2  # times the rows, from which on growth is told
_STALE_SHARE = 0.2  # of the rows modified since the last ANALYZE

# How plausible a cause is with nothing else known. What takes an index away changes plans for sure;
# a setting may concern other statements, and a cache is warm again after hours.
_INDEX, _INVALID, _NEW_INDEX, _WRITES, _MISLEADS = 0.95, 0.9, 0.9, 0.5, 0.6
_PLAN, _ROWS, _STATISTICS = 0.8, 0.7, 0.4
_VERSION, _SETTING, _RESTART = 0.6, 0.5, 0.3
# Blocks per call are the witness: a plan that is another one, or more rows, read other blocks.
_SAME_BLOCKS, _UNKNOWN_BLOCKS = 0.3, 0.8


@dataclass(frozen=True, slots=True)
class SeenPlans:
    """The shapes of the plans that believable calls of a statement had at a moment.

    A plan may depend on the values of a call, and which values are tried may change: so these are
    all that were seen, that of most calls first.
    """

    fingerprint: str
    shapes: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class CatalogHistory:
    """What is known of a target beside its statements: events, tables by day, plans."""

    events: Sequence[CatalogEvent] = ()
    tables: Sequence[TableDay] = ()
    plans: Sequence[SeenPlans] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """What may be behind a change: a sentence, and how plausible it is (0 to 1, not a chance)."""

    kind: CauseKind
    sentence: str
    plausibility: float


def likely_causes(change: Change, since: datetime, history: CatalogHistory) -> tuple[Cause, ...]:
    """Return what may be behind a change in the week from `since` on, most plausible first.

    Of a slower statement: an index on its table that is gone or invalid, another plan, more rows,
    old statistics; of a faster one the contrary; of both: settings, the server's version, a
    restart. Where a call reads as many blocks as before, it is hardly the plan.
    """
    if change.verdict not in {"slower", "faster"}:
        return ()
    witness, slower = _witness(change), change.verdict == "slower"
    found = [
        *_weakened(_indexes(change, since, history.events), witness),
        *_weakened(_plans(change, since, history.plans), witness),
        *_weakened(_tables(change, since, history.tables), witness),
        *_server(history.events, since, slower=slower),
    ]
    return _ordered(found)


def causes_for_all(
    events: Iterable[CatalogEvent], since: datetime, *, slower: bool
) -> tuple[Cause, ...]:
    """Return what may be behind a change that the whole machine shares."""
    return _ordered(_server(events, since, slower=slower))


def _ordered(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    return tuple(sorted(causes, key=lambda cause: (-cause.plausibility, cause.sentence)))


def _witness(change: Change) -> float:
    """Return how far the blocks per call allow that the plan or its rows are others."""
    if change.same_work is None:
        return _UNKNOWN_BLOCKS
    return _SAME_BLOCKS if change.same_work else 1.0


def _weakened(causes: Iterable[Cause], by: float) -> Iterator[Cause]:
    for cause in causes:
        yield Cause(cause.kind, cause.sentence, cause.plausibility * by)


# What an index can do after the event; and for readers, what one loses or wins by it.
_USABLE: dict[EventKind, bool] = {
    "index_dropped": False,
    "index_became_invalid": False,
    "index_created": True,
    "index_became_valid": True,
}
_TELLING: dict[EventKind, tuple[CauseKind, str, float]] = {
    "index_dropped": ("index dropped", "was dropped", _INDEX),
    "index_became_invalid": ("index invalid", "became invalid", _INVALID),
    "index_created": ("index created", "was created", _NEW_INDEX),
    "index_became_valid": ("index created", "became valid", _NEW_INDEX),
}


def _indexes(change: Change, since: datetime, events: Iterable[CatalogEvent]) -> Iterator[Cause]:
    """Yield what became of indexes on the statement's tables, between before the week and now."""
    by_time = sorted(events, key=lambda event: event.at)
    of_each: defaultdict[object, list[CatalogEvent]] = defaultdict(list)
    for event in by_time:
        if event.kind in _USABLE and f"{event.schema}.{event.table}" in change.tables:
            of_each[event.schema, event.table, event.definition].append(event)
    for course in of_each.values():
        if cause := _index(change, since, course):
            yield cause


def _index(change: Change, since: datetime, course: Sequence[CatalogEvent]) -> Cause | None:
    """Return how an index, by what it is, explains the change: built anew it is not dropped."""
    last = course[-1]
    was, now = _was_usable(since, course), _USABLE[last.kind]
    if not _is_near(last, since) or was == now:
        return None
    kind, happened, plausibility = _TELLING[last.kind]
    if now == (change.verdict == "slower"):  # no reader's loss or win, but a writer's or planner's
        if last.kind == "index_became_invalid":
            return None
        effect, plausibility = _in_the_way(change, there=now)
        happened = f"{happened}, and {effect}"
    what = f"the index {last.definition} on {last.schema}.{last.table}"
    return Cause(kind, f"{what} {happened} {_when(last)} ({last.detail})", plausibility)


def _in_the_way(change: Change, *, there: bool) -> tuple[str, float]:
    """Return what an index costs that is there, or no longer does: work, or the better plan."""
    if change.writes:
        return "has to be written" if there else "is no longer written", _WRITES
    return "may mislead the planner" if there else "can mislead nobody", _MISLEADS


def _was_usable(since: datetime, course: Sequence[CatalogEvent]) -> bool:
    """Tell whether readers could use an index in the weeks before: as it was left, or is found."""
    before = [event for event in course if not _is_near(event, since)]
    return _USABLE[before[-1].kind] if before else not _USABLE[course[0].kind]


def _is_near(event: CatalogEvent, since: datetime) -> bool:
    return event.at > since - _SHORTLY_BEFORE


def _plans(change: Change, since: datetime, plans: Iterable[SeenPlans]) -> Iterator[Cause]:
    """Yield that most calls have a plan that none had, or had one that none has any more.

    Compared are the plans seen last with all those of the weeks before. Other values alone, which
    have other ones of the same plans, are no change.
    """
    own = sorted((p for p in plans if p.fingerprint == change.fingerprint), key=lambda p: p.at)
    before, during = [p for p in own if p.at < since], [p for p in own if p.at >= since]
    if not before or not during:
        return
    was, now = before[-1], during[-1]
    known = {shape for seen in before for shape in seen.shapes}
    if now.shapes[0] not in known or was.shapes[0] not in now.shapes:
        seen = f"{_day(was.at)} and {_day(now.at)}"
        yield Cause("plan changed", f"its plan has another shape, between {seen}", _PLAN)


def _tables(change: Change, since: datetime, days: Iterable[TableDay]) -> Iterator[Cause]:
    def name(day: TableDay) -> str:
        return f"{day.schema}.{day.table}"

    own = sorted(
        (day for day in days if name(day) in change.tables), key=lambda d: (name(d), d.day)
    )
    for table, seen in groupby(own, key=name):
        known = list(seen)
        if _began_anew(known):
            continue
        before = [day for day in known if day.day < since.astimezone(UTC).date()]
        if before:
            yield from _rows(change, table, _usual_rows(before), known[-1].live_rows)
        yield from _statistics(change, table, known[-1], since)


def _began_anew(days: Sequence[TableDay]) -> bool:
    """Tell whether a table's counters were lost: they then know neither its rows nor its age."""
    return days[-1].analyzed_at is None and any(day.analyzed_at for day in days)


def _usual_rows(days: Sequence[TableDay]) -> int:
    """Return the rows of the middle day."""
    return sorted(day.live_rows for day in days)[len(days) // 2]


def _rows(change: Change, table: str, before: int, now: int) -> Iterator[Cause]:
    """Yield that rows grew; the more plausible, the more of the change growth in step explains."""
    factor = max(now, 1) / max(before, 1)
    slower = change.verdict == "slower"
    if change.percent is None or (factor if slower else 1 / factor) < _NEWS:
        return
    explained = abs(log(factor)) / max(abs(log(max(1 + change.percent.value / 100, 1e-3))), 1e-3)
    said = f"{table} has {now:,} rows, {before:,} in the weeks before"
    yield Cause("rows grew" if slower else "rows went", said, _ROWS * min(1.0, explained))


def _statistics(change: Change, table: str, last: TableDay, since: datetime) -> Iterator[Cause]:
    """Yield that the planner's statistics are of other rows than are there now, or no longer so."""
    renewed = last.analyzed_at is not None and last.analyzed_at >= since
    if change.verdict == "faster" and renewed and last.analyzed_at is not None:
        yield Cause(
            "statistics renewed", f"{table} was analyzed {_day(last.analyzed_at)}", _STATISTICS
        )
    share = last.modified_rows / max(last.live_rows, 1)
    if change.verdict == "slower" and not renewed and share >= _STALE_SHARE:
        age = "never" if last.analyzed_at is None else f"last on {_day(last.analyzed_at)}"
        said = f"{table} was analyzed {age}; {100 * share:.0f} % of its rows were modified since"
        yield Cause("statistics aged", said, _STATISTICS)


_SERVER: dict[EventKind, tuple[CauseKind, str, float]] = {
    "setting_changed": ("setting changed", "a setting changed", _SETTING),
    "version_changed": ("server version", "the server's version changed", _VERSION),
    "restarted": ("restart", "the server began with cold caches", _RESTART),
}


def _server(events: Iterable[CatalogEvent], since: datetime, *, slower: bool) -> Iterator[Cause]:
    """Yield what happened to the server; nothing gets faster from a cold start."""
    for event in events:
        if event.kind not in _SERVER or not _is_near(event, since):
            continue
        kind, happened, plausibility = _SERVER[event.kind]
        if slower or kind != "restart":
            yield Cause(kind, f"{happened} {_when(event)} ({event.detail})", plausibility)


def _when(event: CatalogEvent) -> str:
    since, until = (f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" for at in (event.since, event.at))
    return f"between {since} and {until} UTC"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"
