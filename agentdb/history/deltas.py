"""What was done between two readings: differences of counters that never make a number up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from agentdb.history.changes import changes, match_indexes
from agentdb.history.continuity import Counters, began_anew, compare, evicted, fell
from agentdb.history.events import CatalogEvent
from agentdb.history.reading import (
    IndexCounters,
    Reading,
    Spent,
    Statement,
    StatementCounters,
    TableCounters,
    Work,
)

_Counted = TypeVar("_Counted", Spent, Work)

_NOTHING = Spent(0, 0.0, 0, 0, 0)
_RARE_CALLS = 10  # fewer may be made up for between two readings, unnoticed


@dataclass(frozen=True, slots=True)
class StatementDelta:
    """What calls of a statement took, all users together; there was one at least."""

    statement: Statement
    spent: Spent


@dataclass(frozen=True, slots=True)
class TableDelta:
    """A table as it is now, and what was done to it; None where nobody can tell."""

    table: TableCounters
    work: Work | None


@dataclass(frozen=True, slots=True)
class IndexDelta:
    """An index as it is now, as it was (None: it is new), and its scans since then."""

    index: IndexCounters
    before: IndexCounters | None
    scans: int


@dataclass(frozen=True, slots=True)
class Deltas:
    """What was done between two readings.

    What statements did was counted from `start` on: the reading before, or a reset since then,
    for which `gap` has the reason; a first reading starts where it ends. `gone` are indexes.
    """

    start: datetime
    end: datetime
    gap: str | None
    statements: tuple[StatementDelta, ...]
    tables: tuple[TableDelta, ...]
    indexes: tuple[IndexDelta, ...]
    gone: tuple[IndexCounters, ...]
    events: tuple[CatalogEvent, ...]


def differences(before: Reading | None, after: Reading) -> Deltas:
    """Return what was done between two readings of a target.

    Only what has certainly been done since: of counters that began anew in between, all that they
    hold; nothing of those that may have begun anew. What was counted and lost in between is in
    none: then `gap` says why, or an event that single statements were forgotten.
    """
    if before is None:
        return _first(after)
    course = compare(before, after)
    matched = match_indexes(before, after)
    return Deltas(
        start=course.start,
        end=after.taken_at,
        gap=course.reason,
        statements=tuple(_statements(before, after, course.statements)),
        tables=tuple(_tables(before, after, course.tables)),
        indexes=tuple(_index(now, was, course.tables) for now, was in matched.kept),
        gone=matched.gone,
        events=tuple(changes(before, after, course, matched)),
    )


def _first(after: Reading) -> Deltas:
    return Deltas(
        start=after.taken_at,
        end=after.taken_at,
        gap="the first reading",
        statements=(),
        tables=tuple(TableDelta(table, None) for table in after.tables),
        indexes=tuple(IndexDelta(index, None, 0) for index in after.indexes),
        gone=(),
        events=(),
    )


# Statements ---------------------------------------------------------------------------------------


def _statements(before: Reading, after: Reading, course: Counters) -> Iterator[StatementDelta]:
    """Return what each statement did, entries of one fingerprint together."""
    if course is Counters.UNRELATED:
        return
    was = {entry.key: entry for entry in before.statements}
    were_evicted = evicted(before, after)
    sums: dict[str, StatementDelta] = {}
    for entry in after.statements:
        spent = _spent(was.get(entry.key), entry, before, course, were_evicted=were_evicted)
        known = sums.get(entry.statement.fingerprint, StatementDelta(entry.statement, _NOTHING))
        sums[entry.statement.fingerprint] = StatementDelta(
            known.statement, _sum(known.spent, spent)
        )
    yield from (delta for delta in sums.values() if delta.spent.calls)


def _spent(
    was: StatementCounters | None,
    now: StatementCounters,
    before: Reading,
    course: Counters,
    *,
    were_evicted: bool,
) -> Spent:
    if course is Counters.BEGAN_ANEW:
        return now.spent
    if was is None:
        return now.spent if _is_new(now, before) else _NOTHING
    if began_anew(was, now, before):
        return now.spent
    if were_evicted and _may_be_another(was, now):
        return _NOTHING
    return _difference(was.spent, now.spent)


def _may_be_another(was: StatementCounters, now: StatementCounters) -> bool:
    """Tell whether an entry may have been forgotten, and have counted beyond what it had since.

    Before PostgreSQL 17 it has no age. Those are forgotten that were called least: one with few
    calls, or with more since than in all its life before.
    """
    if now.since is not None:
        return False
    return was.spent.calls < _RARE_CALLS or now.spent.calls > 2 * was.spent.calls


def _is_new(entry: StatementCounters, before: Reading) -> bool:
    """Tell whether an entry that was not seen before was not there, rather than out of sight."""
    if entry.since is not None:
        return entry.since > before.server_time
    return before.unidentified == 0


# Tables and indexes -------------------------------------------------------------------------------


def _tables(before: Reading, after: Reading, course: Counters) -> Iterator[TableDelta]:
    was = {table.oid: table.work for table in before.tables}
    for table in after.tables:
        yield TableDelta(table, _work(was.get(table.oid), table.work, course))


def _work(was: Work | None, now: Work, course: Counters) -> Work | None:
    if course is Counters.UNRELATED:
        return None
    if was is None or course is Counters.BEGAN_ANEW or fell(was, now):
        return now
    if course is Counters.DOUBTFUL and was != Work(0, 0, 0, 0, 0, 0):
        return None
    return _difference(was, now)


def _index(now: IndexCounters, was: IndexCounters | None, course: Counters) -> IndexDelta:
    return IndexDelta(now, was, _scans(was, now, course))


def _scans(was: IndexCounters | None, now: IndexCounters, course: Counters) -> int:
    if course is Counters.UNRELATED:
        return 0
    # Not by the oid: REINDEX CONCURRENTLY makes a new one and hands the scans of its life on.
    if was is None or course is Counters.BEGAN_ANEW or now.scans < was.scans:
        return now.scans
    if course is Counters.DOUBTFUL and was.scans:
        return 0
    return now.scans - was.scans


# Arithmetic ---------------------------------------------------------------------------------------


def _difference(was: _Counted, now: _Counted) -> _Counted:
    return type(now)(*(getattr(now, name) - getattr(was, name) for name in now.__slots__))


def _sum(one: _Counted, other: _Counted) -> _Counted:
    return type(one)(*(getattr(one, name) + getattr(other, name) for name in one.__slots__))
