"""What became of advice: found in the catalog's history, measured in the counters', told.

Nothing here speaks to the target: all is read from what snapshots kept of it. Each step is a
transaction of its own and is not taken twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from agentdb import database
from agentdb.architect.outcome import (
    BEFORE,
    Followed,
    Found,
    Outcome,
    Revert,
    gone_since,
    look_up,
    measure_outcome,
    propose_restoring,
    propose_revert,
)
from agentdb.errors import StatusRefused
from agentdb.history.catalog import KnownIndex
from agentdb.history.effects import EffectVerdict, Stretch
from agentdb.history.events import CatalogEvent
from agentdb.history.series import StatementSeries, Watched
from agentdb.models.optimization import Status, Verdict
from agentdb.repositories.advice import (
    IN_PLACE,
    Applied,
    Measurement,
    NewOptimization,
    Optimization,
)
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.repositories.snapshots import SnapshotRepository
from agentdb.settings import Settings
from agentdb.target.connection import describe
from agentdb.wiring.storage import storage, target_url

_EVER = datetime(1, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_MEASURED_FOR = timedelta(days=42)  # after that a verdict stands
_TAKEN_AT_ITS_WORD = timedelta(days=7)  # so long may a migration take to get to the target
_REVERT_CONFIDENCE = 0.9
_OPEN: tuple[Status, ...] = ("proposed", "accepted")
_VERDICTS: Mapping[EffectVerdict, Verdict] = {
    "confirmed": "confirmed",
    "neutral": "neutral",
    "regressed": "regressed",
    "not enough data": "not_enough_data",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that became of advice; where both statuses are the same, something was noted."""

    id: str
    title: str
    before: Status
    after: Status
    why: str | None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What was found out about the advice for a target that was last read at a moment.

    `reverts` are the ids of advice to take other advice back, given now. Where no two readings are
    kept, `read_at` is None and nothing was found out.
    """

    target: str
    read_at: datetime | None
    steps: tuple[Step, ...]
    reverts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AdviceOutcome:
    """One piece of advice that was applied, since when, and what it did.

    The gain is of the time of its statements, in percent; what is saved is milliseconds a week,
    net of what writes pay; each with the bounds that hold in 95 of 100 cases.
    """

    id: str
    title: str
    status: Status
    applied_after: datetime | None
    applied_at: datetime | None
    applied_how: str | None
    predicted_gain_percent: float | None
    gain_percent: float | None
    gain_low_percent: float | None
    gain_high_percent: float | None
    saved_ms_per_week: float | None
    saved_ms_per_week_low: float | None
    saved_ms_per_week_high: float | None
    verdict: Verdict | None
    why: str | None


def list_outcomes(settings: Settings) -> tuple[AdviceOutcome, ...]:
    """Return what was applied to the target and what that did, the newest first."""
    with storage(settings) as engine, database.session(engine) as session:
        target = describe(target_url(settings))
        known = OptimizationRepository(session).list(target=target)
    applied = [advice for advice in known if advice.applied_at is not None]
    applied.sort(key=lambda advice: advice.applied_at or _EVER, reverse=True)
    return tuple(map(_outcome, applied))


def follow_up(settings: Settings, *, now: datetime | None = None) -> FollowUp:
    """Find out what became of all advice for the target, as its readings show until `now`.

    What the catalog shows to be done is applied, what is gone again reverted; what was applied is
    measured; what hurt or is never used is advised to be taken back, once. Doing it again without
    a new reading changes nothing.
    """
    with storage(settings) as engine:
        return _Follower(engine, describe(target_url(settings)), now or datetime.now(UTC)).follow()


@dataclass(frozen=True, slots=True)
class _Kept:
    """What readings kept of a target."""

    read_at: datetime
    watched: Sequence[Watched]
    indexes: Sequence[KnownIndex]
    events: Sequence[CatalogEvent]


@dataclass(frozen=True, slots=True)
class _Follower:
    engine: Engine
    target: str
    now: datetime

    def follow(self) -> FollowUp:
        kept = self._read()
        if kept is None:
            return FollowUp(self.target, None, (), ())
        found = [self._notice(advice, kept) for advice in _newest(self._advice())]
        measured = self._measure(kept)
        steps = [step for step in (*found, *(step for step, _ in measured)) if step]
        reverts = [revert for _, revert in measured if revert]
        return FollowUp(self.target, kept.read_at, tuple(steps), tuple(reverts))

    def _read(self) -> _Kept | None:
        with database.session(self.engine) as session:
            snapshots = SnapshotRepository(session)
            watched = snapshots.watched(self.target, _EVER, self.now)
            if not watched:
                return None
            return _Kept(
                watched[-1].end,
                watched,
                snapshots.indexes(self.target, self.now),
                snapshots.catalog_events(self.target, _EVER, self.now),
            )

    def _advice(self) -> tuple[Optimization, ...]:
        with database.session(self.engine) as session:
            known = OptimizationRepository(session).list(target=self.target)
        return tuple(one for one in known if one.kind in ("create_index", "drop_index"))

    # Was it done?

    def _notice(self, advice: Optimization, kept: _Kept) -> Step | None:
        noticed = _noticed(advice, kept)
        if noticed is None:
            return None
        with suppress(StatusRefused), database.session(self.engine) as session:
            record = OptimizationRepository(session)
            return _step(advice, self._keep(record, advice, noticed))
        return None  # somebody else has decided meanwhile

    def _keep(
        self, record: OptimizationRepository, advice: Optimization, noticed: _Noticed
    ) -> Optimization:
        why, at = noticed.why, self.now
        if noticed.applied:
            return record.find_applied(advice.id, noticed.applied, why, at=at)
        if noticed.is_reverted:
            return record.decide(advice.id, "reverted", why, by="catalog", at=at)
        return record.note(advice.id, why, at=at)

    # Did it help?

    def _measure(self, kept: _Kept) -> list[tuple[Step | None, str | None]]:
        known = self._advice()
        due = [one for one in known if _is_due(one, kept.read_at) and _is_seen(one, kept)]
        if not due:
            return []
        followed = {advice.id: _followed(advice, known) for advice in known if advice.applied_at}
        series = self._series(followed[advice.id] for advice in due)
        return [self._judge(advice, followed, series, kept) for advice in due]

    def _series(self, followed: Iterable[Followed]) -> tuple[StatementSeries, ...]:
        first = min(one.applied.since for one in followed if one.applied)
        with database.session(self.engine) as session:
            return SnapshotRepository(session).series(self.target, first - BEFORE - _DAY, self.now)

    def _judge(
        self,
        advice: Optimization,
        followed: Mapping[UUID, Followed],
        series: Sequence[StatementSeries],
        kept: _Kept,
    ) -> tuple[Step | None, str | None]:
        own = followed[advice.id]
        others = [one for one in followed.values() if one.id != advice.id]
        with database.session(self.engine) as session:
            index = self._index(SnapshotRepository(session), advice, kept)
            scans = index.scans if index else None
            outcome = measure_outcome(own, others, series, kept.watched, scans)
            record = OptimizationRepository(session)
            step = self._keep_outcome(record, advice, outcome, kept.read_at)
            revert = self._revert(record, advice, outcome, index)
        return step, revert

    def _index(
        self, snapshots: SnapshotRepository, advice: Optimization, kept: _Kept
    ) -> KnownIndex | None:
        """Return the index that was made, with its scans since then."""
        if advice.kind != "create_index":
            return None
        indexes = snapshots.indexes(self.target, self.now, scans_since=advice.applied_at)
        return look_up(advice.definition, advice.created_at, indexes, kept.events).index

    def _keep_outcome(
        self,
        record: OptimizationRepository,
        advice: Optimization,
        outcome: Outcome,
        read_at: datetime,
    ) -> Step | None:
        """Keep a verdict; one that was reached is not unsaid for want of data."""
        found = _measurement(outcome)
        if found.verdict == "not_enough_data" and advice.verdict not in (None, "not_enough_data"):
            return None
        after = record.measure(advice.id, found, at=read_at)
        return None if after.status == advice.status else _step(advice, after)

    def _revert(
        self,
        record: OptimizationRepository,
        advice: Optimization,
        outcome: Outcome,
        index: KnownIndex | None,
    ) -> str | None:
        """Advise the way back from what hurt or is never used, once; return that advice's id."""
        revert = _way_back(advice, outcome, index)
        if revert is None or any(
            one.reverts == advice.id for one in record.list(target=self.target)
        ):
            return None
        makes = advice.kind == "drop_index"
        new = NewOptimization(
            target=self.target,
            kind="create_index" if makes else "drop_index",
            title=revert.title,
            schema_name=advice.schema_name,
            table_name=advice.table_name,
            sql=revert.sql,
            rollback_sql=revert.rollback_sql,
            definition=advice.definition,
            reasoning=revert.reasoning,
            confidence=_REVERT_CONFIDENCE,
            evidence="measured",
            size_bytes=index.size_bytes if index else None,
            evidence_detail={"outcome_of": str(advice.id)},
            reverts=advice.id,
        )
        return str(record.add(new, by="measurement").id)


# Was it done? Pure --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Noticed:
    """What the catalog says about advice: that it was applied, reverted, or else something."""

    why: str
    applied: Applied | None = None
    is_reverted: bool = False


def _newest(advice: Sequence[Optimization]) -> Iterator[Optimization]:
    """Return the last advice of each kind and definition: what was advised again is another."""
    newest = {
        (one.kind, one.definition): one for one in sorted(advice, key=lambda one: one.created_at)
    }
    yield from newest.values()


def _noticed(advice: Optimization, kept: _Kept) -> _Noticed | None:
    found = look_up(advice.definition, advice.created_at, kept.indexes, kept.events)
    is_done = _is_done(advice, found)
    if advice.status not in IN_PLACE:
        return _newly_done(advice, found, kept) if is_done else _half_done(advice, found)
    if is_done:
        return _moment_of_the_told(advice, found, kept)
    return _half_done(advice, found) or _undone(advice, kept)


def _is_done(advice: Optimization, found: Found) -> bool:
    return found.state == ("there" if advice.kind == "create_index" else "absent")


def _newly_done(advice: Optimization, found: Found, kept: _Kept) -> _Noticed:
    moment = found.since or gone_since(
        advice.definition, advice.created_at, kept.read_at, kept.events
    )
    why = f"the index {found.index.name} is there" if found.index else "the index is gone"
    return _Noticed(why, Applied("catalog", moment.since, moment.until))


def _moment_of_the_told(advice: Optimization, found: Found, kept: _Kept) -> _Noticed | None:
    """What was said to be applied without a moment gets it from the catalog."""
    return None if advice.applied_after else _newly_done(advice, found, kept)


def _half_done(advice: Optimization, found: Found) -> _Noticed | None:
    matters = advice.status in _OPEN or advice.status in IN_PLACE
    if found.state != "invalid" or found.index is None or not matters:
        return None
    if advice.kind != "create_index":
        return None
    name = found.index.name
    why = f"the index {name} is INVALID: drop it, and create it again"
    return None if advice.status_reason == why else _Noticed(why)


def _undone(advice: Optimization, kept: _Kept) -> _Noticed | None:
    if advice.applied_at is None or kept.read_at <= advice.applied_at:
        return None  # nobody has looked since
    if advice.applied_after is None:
        if kept.read_at < advice.applied_at + _TAKEN_AT_ITS_WORD:
            return None
        return _Noticed("it was said to be applied, and is not seen on the target", None, True)  # noqa: FBT003
    what = "is gone again" if advice.kind == "create_index" else "is there again"
    return _Noticed(f"the index {what}", is_reverted=True)


# Did it help? Pure --------------------------------------------------------------------------------


def _is_due(advice: Optimization, read_at: datetime) -> bool:
    """Tell whether a verdict may still change: it does for six weeks, until there is one."""
    if advice.status not in IN_PLACE or advice.applied_at is None:
        return False
    if advice.measured_at is not None and advice.measured_at >= read_at:
        return False
    return read_at <= advice.applied_at + _MEASURED_FOR or advice.measured_at is None


def _is_seen(advice: Optimization, kept: _Kept) -> bool:
    """Tell whether the catalog shows it: what was merely said to be applied did nothing yet."""
    return _is_done(
        advice, look_up(advice.definition, advice.created_at, kept.indexes, kept.events)
    )


def _followed(advice: Optimization, known: Iterable[Optimization]) -> Followed:
    """Return what an outcome depends on; a way back concerns the statements of the way there."""
    original = _first_way(advice, {one.id: one for one in known})
    applied = advice.applied_at
    return Followed(
        id=advice.id,
        kind="create_index" if advice.kind == "create_index" else "drop_index",
        definition=advice.definition,
        table=f"{advice.schema_name}.{advice.table_name}",
        fingerprints=frozenset(one.fingerprint for one in original.statements),
        given_at=advice.created_at,
        applied=Stretch(advice.applied_after or applied, applied) if applied else None,
    )


def _first_way(advice: Optimization, known: Mapping[UUID, Optimization]) -> Optimization:
    """Return the advice that this one, or what it takes back, takes back in the end."""
    while advice.reverts is not None and advice.reverts in known:
        advice = known[advice.reverts]
    return advice


def _way_back(advice: Optimization, outcome: Outcome, index: KnownIndex | None) -> Revert | None:
    if advice.kind == "drop_index":
        table = advice.table_name or "its table"
        return propose_restoring(outcome, table, advice.sql, advice.rollback_sql)
    if index is None:
        return None
    is_partitioned = "CONCURRENTLY" not in (advice.rollback_sql or "CONCURRENTLY")
    return propose_revert(outcome, index, advice.sql if is_partitioned else None)


def _measurement(outcome: Outcome) -> Measurement:
    gain, net = outcome.effect.gain_percent, outcome.effect.net_milliseconds
    return Measurement(
        verdict=_VERDICTS[outcome.judgement.verdict],
        why=outcome.judgement.reason,
        gain_percent=gain.value if gain else None,
        gain_low_percent=gain.low if gain else None,
        gain_high_percent=gain.high if gain else None,
        saved_ms_per_week=net.value if net else None,
        saved_ms_per_week_low=net.low if net else None,
        saved_ms_per_week_high=net.high if net else None,
        detail={
            "effect": asdict(outcome.effect),
            "scans": outcome.scans,
            "is_unused": outcome.is_unused,
        },
    )


def _step(before: Optimization, after: Optimization) -> Step:
    return Step(str(after.id), after.title, before.status, after.status, after.status_reason)


def _outcome(advice: Optimization) -> AdviceOutcome:
    return AdviceOutcome(
        id=str(advice.id),
        title=advice.title,
        status=advice.status,
        applied_after=advice.applied_after,
        applied_at=advice.applied_at,
        applied_how=advice.applied_how,
        predicted_gain_percent=advice.gain_percent,
        gain_percent=advice.measured_gain_percent,
        gain_low_percent=advice.measured_gain_low_percent,
        gain_high_percent=advice.measured_gain_high_percent,
        saved_ms_per_week=advice.saved_ms_per_week,
        saved_ms_per_week_low=advice.saved_ms_per_week_low,
        saved_ms_per_week_high=advice.saved_ms_per_week_high,
        verdict=advice.verdict,
        why=advice.status_reason,
    )
