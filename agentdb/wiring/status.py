"""`agentdb status`: how it stands with one target, all of it read from what is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import Engine

from agentdb import database
from agentdb.delivery.topics import is_request
from agentdb.history.figures import Figure
from agentdb.repositories.advice import Optimization
from agentdb.repositories.deliveries import Delivery, DeliveryRepository
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.repositories.runs import Run, RunRepository, RunStep
from agentdb.repositories.standing import Standing, StandingRepository
from agentdb.settings import Settings
from agentdb.target.connection import describe
from agentdb.wiring.alone import is_week_running
from agentdb.wiring.comparing import Compared, from_json
from agentdb.wiring.storage import storage, target_url

WEEK = timedelta(days=7)

RunState = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest weekly run; `interrupted` is one that nobody goes on with just now."""

    status: RunState
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    steps: tuple[RunStep, ...]


@dataclass(frozen=True, slots=True)
class OpenAdvice:
    """How much waits for somebody: for you, for a migration, for readings."""

    proposed: int
    accepted: int
    applied_not_measured: int
    invalid_indexes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gained:
    """What confirmed advice saves, in hours of database time a week, between two bounds.

    The bounds are the sums of the single ones, so they are rather too wide than too narrow.
    """

    advice: int
    hours_per_week: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Status:
    """How it stands; what is None is not known: no run yet, no clock, nothing measured.

    `compared` is what the newest run found that looked for regressions.
    `waiting` are deliveries that are meant to go out and did not yet.
    """

    target: str
    last_run: LastRun | None
    next_run_at: datetime | None
    open: OpenAdvice
    compared: Compared | None
    snapshots: Standing
    waiting: tuple[Delivery, ...]
    gained: Gained | None


def read_status(settings: Settings, *, now: datetime | None = None) -> Status:
    """Return how it stands with the target; nothing is asked of the target itself."""
    now = now or datetime.now(UTC)
    with storage(settings) as engine:
        return _read(engine, describe(target_url(settings)), now)


def gained(advice: Iterable[Optimization]) -> Gained | None:
    """Return what advice gains that is confirmed and in place; None before the first is."""
    saved = [figure for one in advice if one.status == "confirmed" and (figure := _saved(one))]
    if not saved:
        return None
    hours = [_hours(sum(part)) for part in _columns(saved)]
    return Gained(len(saved), *hours)


def _read(engine: Engine, target: str, now: datetime) -> Status:
    is_running = is_week_running(engine, target)
    with database.session(engine) as session:
        runs, deliveries = RunRepository(session), DeliveryRepository(session)
        advice = OptimizationRepository(session).list(target=target)
        standing = StandingRepository(session).of(target, now - WEEK)
        last, step = runs.latest(target), runs.latest_step(target, "regressions", before=now)
        return Status(
            target=target,
            last_run=_last_run(last, is_running=is_running) if last else None,
            next_run_at=runs.clock(target),
            open=_open(advice, standing),
            compared=from_json(step.summary) if step else None,
            snapshots=standing,
            waiting=_waiting(deliveries.list(target=target), advice),
            gained=gained(advice),
        )


def _waiting(
    deliveries: Sequence[Delivery], advice: Sequence[Optimization]
) -> tuple[Delivery, ...]:
    """Return what may go out still: of digests the last alone, of requests those for open advice.

    What an older digest was to tell, a later one tells.
    """
    live = {one.id for one in advice if one.status in ("proposed", "accepted")}
    last = [each.id for each in deliveries if each.channel == "webhook"][-1:]
    return tuple(
        each
        for each in deliveries
        if each.state == "intended"
        and (each.id in last if each.channel == "webhook" else _matters(each, live))
    )


def _matters(each: Delivery, live: Collection[UUID]) -> bool:
    """Tell whether a request is about advice that is open; what is said on one always is to be."""
    return not is_request(each.topic) or any(one in live for one in each.optimization_ids)


def _last_run(run: Run, *, is_running: bool) -> LastRun:
    ended = run.finished_at
    state: RunState = "interrupted" if run.status == "running" and not is_running else run.status
    seconds = (ended - run.started_at).total_seconds() if ended else None
    return LastRun(state, run.started_at, ended, seconds, run.steps)


def _open(advice: Sequence[Optimization], standing: Standing) -> OpenAdvice:
    states = [one.status for one in advice]
    return OpenAdvice(
        states.count("proposed"),
        states.count("accepted"),
        states.count("applied") + states.count("not_enough_data"),
        standing.invalid_indexes,
    )


def _saved(one: Optimization) -> Figure | None:
    value, low, high = (
        one.saved_ms_per_week,
        one.saved_ms_per_week_low,
        one.saved_ms_per_week_high,
    )
    if value is None or low is None or high is None:
        return None
    return Figure(value, low, high)


def _columns(figures: Sequence[Figure]) -> tuple[list[float], list[float], list[float]]:
    return [f.value for f in figures], [f.low for f in figures], [f.high for f in figures]


def _hours(milliseconds: float) -> float:
    return milliseconds / 3_600_000
