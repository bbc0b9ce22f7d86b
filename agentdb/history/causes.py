"""Why may a statement have changed? What the catalog's history says, most plausible first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
class SeenPlan:
    """The shape of a statement's plan, as a fingerprint, and when it was seen."""

    fingerprint: str
    shape: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CatalogHistory:
    """What is known of a target beside its statements: events, tables by day, plans."""

    events: Sequence[CatalogEvent] = ()
    tables: Sequence[TableDay] = ()
    plans: Sequence[SeenPlan] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """What may be behind a change: a sentence, and how plausible it is (0 to 1, not a chance)."""

    kind: CauseKind
    sentence: str
    plausibility: float


def likely_causes(change: Change, since: datetime, history: CatalogHistory) -> tuple[Cause, ...]:
    """Return what may be behind a change in the week from `since` on, most plausible first.

    Of a slower statement: an index on its table that is gone or invalid, or new and in the way,
    another plan, more rows, old statistics; of a faster one the contrary; of both: settings, the
    server's version, a restart. Where a call reads as many blocks as before, it is hardly the plan.
    """
    if change.verdict not in {"slower", "faster"}:
        return ()
    near = [event for event in history.events if event.at > since - _SHORTLY_BEFORE]
    witness = _witness(change)
    found = [
        *_weakened(_indexes(change, near), witness),
        *_weakened(_plan(change, since, history.plans), witness),
        *_weakened(_tables(change, since, history.tables), witness),
        *_server(near),
    ]
    return _ordered(found)


def causes_for_all(events: Sequence[CatalogEvent], since: datetime) -> tuple[Cause, ...]:
    """Return what may be behind a change that the whole machine shares."""
    return _ordered(_server(event for event in events if event.at > since - _SHORTLY_BEFORE))


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


_INDEX_LOST: dict[EventKind, tuple[CauseKind, str, float]] = {
    "index_dropped": ("index dropped", "was dropped", _INDEX),
    "index_became_invalid": ("index invalid", "became invalid", _INVALID),
}
_INDEX_WON: dict[EventKind, tuple[CauseKind, str, float]] = {
    "index_created": ("index created", "was created", _NEW_INDEX),
    "index_became_valid": ("index created", "became valid", _NEW_INDEX),
}
_INDEX_TO_WRITE: dict[EventKind, tuple[CauseKind, str, float]] = {
    "index_created": ("index created", "was created, and has to be written", _WRITES),
}
_INDEX_IN_THE_WAY: dict[EventKind, tuple[CauseKind, str, float]] = {
    "index_created": ("index created", "was created, and may mislead the planner", _MISLEADS),
}
_INDEX_OUT_OF_IT: dict[EventKind, tuple[CauseKind, str, float]] = {
    "index_dropped": ("index dropped", "was dropped, and is in nobody's way", _MISLEADS),
}


def _indexes(change: Change, events: Iterable[CatalogEvent]) -> Iterator[Cause]:
    """Yield what became of indexes on the statement's tables; only the last of each counts."""
    if change.verdict == "faster":
        telling = _INDEX_WON | _INDEX_OUT_OF_IT
    else:
        telling = _INDEX_LOST | (_INDEX_TO_WRITE if change.writes else _INDEX_IN_THE_WAY)
    for event in _last_of_each(event for event in events if _concerns(event, change)):
        if event.kind in telling:
            kind, happened, plausibility = telling[event.kind]
            what = f"the index {event.definition} on {event.schema}.{event.table}"
            yield Cause(kind, f"{what} {happened} {_when(event)} ({event.detail})", plausibility)


def _concerns(event: CatalogEvent, change: Change) -> bool:
    return event.definition is not None and f"{event.schema}.{event.table}" in change.tables


def _last_of_each(events: Iterable[CatalogEvent]) -> list[CatalogEvent]:
    """Return what happened last to each index, by what it is: built anew is not dropped."""
    by_time = sorted(events, key=lambda event: event.at)
    last = {(event.schema, event.table, event.definition): event for event in by_time}
    return list(last.values())


def _plan(change: Change, since: datetime, plans: Iterable[SeenPlan]) -> Iterator[Cause]:
    """Yield that the plan seen last has another shape than the one seen last before the week."""
    own = sorted((p for p in plans if p.fingerprint == change.fingerprint), key=lambda p: p.at)
    before, during = [p for p in own if p.at < since], [p for p in own if p.at >= since]
    if before and during and before[-1].shape != during[-1].shape:
        seen = f"{_day(before[-1].at)} and {_day(during[-1].at)}"
        yield Cause("plan changed", f"its plan has another shape, between {seen}", _PLAN)


def _tables(change: Change, since: datetime, days: Iterable[TableDay]) -> Iterator[Cause]:
    def name(day: TableDay) -> str:
        return f"{day.schema}.{day.table}"

    own = sorted(
        (day for day in days if name(day) in change.tables), key=lambda d: (name(d), d.day)
    )
    for table, seen in groupby(own, key=name):
        known = list(seen)
        before = [day for day in known if day.day < since.date()]
        if before:
            yield from _rows(change, table, _usual_rows(before), known[-1].live_rows)
        yield from _statistics(change, table, known[-1], since)


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
    "restarted": ("restart", "the server was restarted, with cold caches,", _RESTART),
}


def _server(events: Iterable[CatalogEvent]) -> Iterator[Cause]:
    for event in events:
        if event.kind in _SERVER:
            kind, happened, plausibility = _SERVER[event.kind]
            yield Cause(kind, f"{happened} {_when(event)} ({event.detail})", plausibility)


def _when(event: CatalogEvent) -> str:
    since, until = f"{event.since:%Y-%m-%d %H:%M}", f"{event.at:%Y-%m-%d %H:%M}"
    return f"between {since} and {until}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
