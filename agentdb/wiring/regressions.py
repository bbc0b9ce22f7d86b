"""Which statements got slower in the last week, and why: read from what snapshots kept.

Nothing here speaks to the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Engine

from agentdb import database
from agentdb.history.causes import CatalogHistory, Cause, causes_for_all, likely_causes
from agentdb.history.figures import Figure
from agentdb.history.regressions import (
    Change,
    Changes,
    ChangeTerms,
    ChangeVerdict,
    enough_from,
    find_changes,
)
from agentdb.history.series import StatementSeries, Watched
from agentdb.repositories.audits import AuditRepository
from agentdb.repositories.snapshots import SnapshotRepository
from agentdb.settings import Settings
from agentdb.target.connection import describe
from agentdb.wiring.storage import storage, target_url

_TERMS = ChangeTerms()
_READ = timedelta(weeks=_TERMS.weeks + 1)

MachineVerdict = Literal["slower", "faster", "unchanged", "not enough data"]


@dataclass(frozen=True, slots=True)
class StatementChange:
    """What became of one statement in the last week, and what may be behind it.

    `percent` is the change of time per call, beyond what the whole machine did; what is lost is
    milliseconds a week (below zero: saved); both with the bounds that hold in 95 of 100 cases, and
    None where they cannot be told. `before_ms` and `before_blocks` are what a call of the last week
    would have taken in the weeks before, at its hours. `causes`: the most plausible first.
    """

    fingerprint: str
    query: str
    verdict: ChangeVerdict
    reason: str
    percent: Figure | None
    lost_ms_per_week: Figure | None
    before_ms: float | None
    after_ms: float | None
    before_blocks: float | None
    after_blocks: float | None
    calls_before: float
    calls_after: float
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class MachineChange:
    """How much slower the middle statement got, which is everybody's, and what may be behind it."""

    verdict: MachineVerdict
    percent: Figure | None
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class RegressionReport:
    """What the week from `since` to `until` did to each statement, the costliest loss first.

    `read_at` is the last reading, None where no two are kept. So many `weeks` before that week can
    be compared with and `weeks_needed` have to be; with fewer, `enough_from` is from when on there
    will be enough if snapshots go on.
    """

    target: str
    since: datetime
    until: datetime
    read_at: datetime | None
    weeks: int
    weeks_needed: int
    enough_from: datetime | None
    machine: MachineChange
    statements: tuple[StatementChange, ...]

    def of(self, *verdicts: ChangeVerdict) -> tuple[StatementChange, ...]:
        """Return the statements with one of these verdicts."""
        return tuple(change for change in self.statements if change.verdict in verdicts)

    @property
    def has_enough(self) -> bool:
        """Whether there are weeks enough to tell anything."""
        return self.weeks >= self.weeks_needed

    @property
    def regressed(self) -> bool:
        """Whether a statement got slower, or the whole machine did."""
        return self.machine.verdict == "slower" or bool(self.of("slower"))


def find_regressions(settings: Settings, *, now: datetime | None = None) -> RegressionReport:
    """Return what became of the target's statements in the week before `now`, as readings show.

    Each is compared with up to eight weeks before, at the same hours
    (`history.regressions.find_changes`). Raises DatabaseError when our tables cannot be used.
    """
    now = now or datetime.now(UTC)
    with storage(settings) as engine:
        kept = _read(engine, describe(target_url(settings)), now)
    return report_of(kept, now)


@dataclass(frozen=True, slots=True)
class Kept:
    """What readings kept of a target."""

    target: str
    series: Sequence[StatementSeries]
    watched: Sequence[Watched]
    history: CatalogHistory


def _read(engine: Engine, target: str, now: datetime) -> Kept:
    start = now.replace(minute=0, second=0, microsecond=0) - _READ
    with database.session(engine) as session:
        snapshots = SnapshotRepository(session)
        return Kept(
            target,
            snapshots.series(target, start, now),
            snapshots.watched(target, start, now),
            CatalogHistory(
                snapshots.catalog_events(target, start, now),
                snapshots.table_history(target, start, now),
                AuditRepository(session).plans(target, start, now),
            ),
        )


def report_of(kept: Kept, now: datetime) -> RegressionReport:
    """Return what became of each statement in the week before `now`, and why."""
    found = find_changes(kept.series, kept.watched, now, _TERMS, kept.history.events)
    weeks = max((change.weeks for change in found.statements), default=0)
    lacks = weeks < _TERMS.least_weeks
    return RegressionReport(
        target=kept.target,
        since=found.since,
        until=found.until,
        read_at=kept.watched[-1].end if kept.watched else None,
        weeks=weeks,
        weeks_needed=_TERMS.least_weeks,
        enough_from=enough_from(kept.watched, now, _TERMS) if lacks else None,
        machine=_machine(found, kept.history),
        statements=tuple(_change(one, found.since, kept.history) for one in found.statements),
    )


def _machine(found: Changes, history: CatalogHistory) -> MachineChange:
    verdict = machine_verdict(found.machine_percent)
    told = verdict in {"slower", "faster"}
    events, slower = history.events, verdict == "slower"
    causes = causes_for_all(events, found.since, slower=slower) if told else ()
    return MachineChange(verdict, found.machine_percent, causes)


def machine_verdict(percent: Figure | None) -> MachineVerdict:
    """Return what became of everybody: news are as large as those of a statement."""
    if percent is None:
        return "not enough data"
    if abs(percent.value) < _TERMS.least_percent or percent.low <= 0 <= percent.high:
        return "unchanged"
    return "slower" if percent.value > 0 else "faster"


def _change(change: Change, since: datetime, history: CatalogHistory) -> StatementChange:
    return StatementChange(
        fingerprint=change.fingerprint,
        query=change.query,
        verdict=change.verdict,
        reason=change.reason,
        percent=change.percent,
        lost_ms_per_week=change.lost_milliseconds,
        before_ms=change.milliseconds_before,
        after_ms=change.milliseconds_after,
        before_blocks=change.blocks_before,
        after_blocks=change.blocks_after,
        calls_before=change.calls_before,
        calls_after=change.calls_after,
        causes=likely_causes(change, since, history),
    )
