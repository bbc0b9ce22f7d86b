"""Do two readings belong together? What was reset, restarted or exchanged between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

from agentdb.history.reading import Reading, Spent, StatementCounters, Work


class Counters(Enum):
    """How counters stand to those of the reading before."""

    GO_ON = auto()  # what is more has been counted since
    BEGAN_ANEW = auto()  # all of it has been counted since
    DOUBTFUL = auto()  # some began anew: only what has certainly been counted since
    UNRELATED = auto()  # nobody can tell what has been counted since


@dataclass(frozen=True, slots=True)
class Continuity:
    """How the counters of statements and of tables stand to those before, and why.

    `start` is from when on statements were followed: the reading before, or a reset since then.
    """

    statements: Counters
    tables: Counters
    start: datetime
    reason: str | None = None
    restarted: bool = False


def compare(before: Reading, after: Reading) -> Continuity:
    """Return how a reading stands to the one before it."""
    if reason := _unrelated(before, after):
        return Continuity(Counters.UNRELATED, Counters.UNRELATED, after.taken_at, reason)
    restarted = before.server_started_at != after.server_started_at
    statements = _statements(before, after)
    tables = _tables(before, after, suspicious=restarted or statements is not Counters.GO_ON)
    return Continuity(
        statements,
        tables,
        _start(statements, before, after),
        _reason(statements, restarted=restarted),
        restarted,
    )


def fell(before: Spent | Work, after: Spent | Work) -> bool:
    """Tell whether a counter has less than before: then it has begun anew."""
    return any(getattr(after, name) < getattr(before, name) for name in before.__slots__)


def began_anew(was: StatementCounters, now: StatementCounters, before: Reading) -> bool:
    """Tell whether one entry was forgotten or reset, and has counted from nothing since."""
    return _is_since(now.since, before) or fell(was.spent, now.spent)


def evicted(before: Reading, after: Reading) -> bool:
    """Tell whether statements had to be forgotten between two readings."""
    return (after.evictions or 0) > (before.evictions or 0)


def _unrelated(before: Reading, after: Reading) -> str | None:
    if after.taken_at <= before.taken_at:
        return "the clock went back"
    if before.database_oid != after.database_oid:
        return "another database has this name now"
    times = (
        (before.server_started_at, after.server_started_at),
        (before.statements_reset_at, after.statements_reset_at),
    )
    if any(_is_of_another(was, now, before) for was, now in times):
        return "another server answers, with counters of its own"
    return None


def _is_of_another(was: datetime | None, now: datetime | None, before: Reading) -> bool:
    """Tell whether a time has changed, but not because of something since the reading before."""
    return was != now and not _is_since(now, before)


def _is_since(moment: datetime | None, before: Reading) -> bool:
    return moment is not None and moment > before.server_time


def _statements(before: Reading, after: Reading) -> Counters:
    if before.statements_reset_at != after.statements_reset_at:
        return Counters.BEGAN_ANEW
    if after.statements_reset_at is None and _lost_some(before, after):
        return Counters.UNRELATED  # PostgreSQL 13: all may have been reset, and more since
    return Counters.GO_ON


def _lost_some(before: Reading, after: Reading) -> bool:
    now = {entry.key: entry.spent for entry in after.statements}
    return any(
        entry.key not in now or fell(entry.spent, now[entry.key]) for entry in before.statements
    )


def _tables(before: Reading, after: Reading, *, suspicious: bool) -> Counters:
    if before.database_reset_at != after.database_reset_at:
        is_since = _is_since(after.database_reset_at, before)
        return Counters.BEGAN_ANEW if is_since else Counters.DOUBTFUL
    return Counters.DOUBTFUL if suspicious and _fell_anywhere(before, after) else Counters.GO_ON


def _fell_anywhere(before: Reading, after: Reading) -> bool:
    tables = {table.oid: table.work for table in after.tables}
    scans = {index.oid: index.scans for index in after.indexes}
    return any(
        fell(table.work, tables.get(table.oid, table.work)) for table in before.tables
    ) or any(scans.get(index.oid, index.scans) < index.scans for index in before.indexes)


def _start(statements: Counters, before: Reading, after: Reading) -> datetime:
    if statements is Counters.GO_ON:
        return before.taken_at
    if statements is Counters.UNRELATED or after.statements_reset_at is None:
        return after.taken_at
    # On the caller's clock, which need not be the server's.
    moment = after.taken_at - (after.server_time.astimezone(UTC) - after.statements_reset_at)
    return min(max(moment, before.taken_at), after.taken_at)


def _reason(statements: Counters, *, restarted: bool) -> str | None:
    if statements is Counters.GO_ON:
        return None
    if statements is Counters.UNRELATED:
        return "statements were reset or forgotten, and the server does not say which"
    return "the server restarted without them" if restarted else "statements were reset"
