"""`agentdb weekly`: the steps of a week in their order, each kept, none taken twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine, select

from agentdb import database
from agentdb.architect.progress import Progress
from agentdb.errors import AgentDBError, WeekRunning
from agentdb.models.base import Json
from agentdb.models.run import StepStatus
from agentdb.repositories.runs import Run, RunRepository, RunStep
from agentdb.settings import Settings
from agentdb.target.connection import describe
from agentdb.wiring.alone import week_alone
from agentdb.wiring.storage import storage, target_url
from agentdb.wiring.week import STEPS, Order, Skip, Step, Week

DUE_AFTER = timedelta(days=6, hours=12)
"""So old must a finished run be for the next to be due: a daily clock keeps to its hour."""

OVERDUE_AFTER = timedelta(days=8)
"""So old must it be for a clock that was off to make up for it at once."""

_TAKEN_UP_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class WeekReport:
    """What became of a run; `idle` is one that had nothing to do, for a `reason`."""

    target: str
    status: Literal["finished", "failed", "idle"]
    reason: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    steps: tuple[RunStep, ...] = ()

    @property
    def failed(self) -> tuple[RunStep, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.status == "failed")


def run_week(
    settings: Settings,
    progress: Progress,
    order: Order | None = None,
    *,
    if_due: bool = False,
    now: datetime | None = None,
) -> WeekReport:
    """Do what a week asks for, and return what became of each step.

    A run that was killed less than a day ago is gone on with at its first step that has not ended.
    While another run of the same target is under way, and with `if_due` while the last one is
    young, nothing is done. A step that fails is in the report; DatabaseError is raised where our
    own database is not there to keep it. `now` is when, instead of the clock's time.
    """
    url = target_url(settings)
    told, target = settings.model_copy(update={"target_url": url}), describe(url)
    try:
        with storage(settings) as engine, week_alone(engine, target) as lock:
            runner = _Runner(engine, lock, target, now)
            if if_due and (reason := runner.why_not_due()):
                return WeekReport(target, "idle", reason)
            run = runner.take_up()
            week = Week(told, engine, target, order or Order(), progress, now, run)
            return _report(runner.go_through(week))
    except WeekRunning as running:
        return WeekReport(target, "idle", str(running))


def is_overdue(settings: Settings, *, now: datetime | None = None) -> bool:
    """Tell whether a run is to be made up for: one was broken off, or none came when one was due.

    That is the hour that a clock has noted, or 8 days after the last finished run; before the
    first run, without a note, none is due.
    """
    target, moment = describe(target_url(settings)), now or datetime.now(UTC)
    with storage(settings) as engine, database.session(engine) as session:
        runs = RunRepository(session)
        last, finished, noted = (
            runs.latest(target),
            runs.latest(target, "finished"),
            runs.clock(target),
        )
    if last is not None and last.status == "running":
        return True  # also if it still is: then whoever begins leaves it alone
    if noted is not None and noted <= moment and (last is None or last.started_at < noted):
        return True
    return finished is not None and finished.started_at < moment - OVERDUE_AFTER


def note_next_run(settings: Settings, next_run_at: datetime) -> None:
    """Keep when a clock will ring next for the target, so that `agentdb status` can tell."""
    with storage(settings) as engine, database.session(engine) as session:
        RunRepository(session).note_clock(describe(target_url(settings)), next_run_at)


@dataclass(frozen=True, slots=True)
class _Ended:
    status: StepStatus
    summary: Mapping[str, Json] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Runner:
    """One run of a target by the only one who may; each step is committed before and after."""

    engine: Engine
    lock: Connection
    target: str
    now: datetime | None

    def why_not_due(self) -> str | None:
        with database.session(self.engine) as session:
            last = RunRepository(session).latest(self.target, "finished")
        if last is None or last.started_at <= self._moment() - DUE_AFTER:
            return None
        due = last.started_at + DUE_AFTER
        return (
            f"the last run of {self.target} began {last.started_at:%Y-%m-%d %H:%M %Z}: "
            f"the next is due from {due:%Y-%m-%d %H:%M %Z} on"
        )

    def take_up(self) -> Run:
        """Return the run that was killed a short while ago, or else a new one."""
        moment = self._moment()
        with database.session(self.engine) as session:
            runs = RunRepository(session)
            killed = runs.unfinished(self.target, moment - _TAKEN_UP_WITHIN)
            if killed:
                return killed
            runs.fail_abandoned(self.target, moment)
            return runs.begin(self.target, moment)

    def go_through(self, week: Week) -> Run:
        for number, step in enumerate(STEPS):
            known = week.run.step(step.name)
            if known is None or known.status == "running":
                week = self._take(week, step, number)
        with database.session(self.engine) as session:
            return RunRepository(session).finish(week.run.id, self._moment())

    def _take(self, week: Week, step: Step, number: int) -> Week:
        self._require_lock()
        with database.session(self.engine) as session:
            runs = RunRepository(session)
            runs.begin_step(week.run.id, step.name, self._moment())
            week = replace(week, run=runs.get(week.run.id))
        week.progress(step.name, number, len(STEPS))
        ended = _do(week, step)
        self._require_lock()
        with database.session(self.engine) as session:
            runs = RunRepository(session)
            runs.end_step(
                week.run.id,
                step.name,
                ended.status,
                self._moment(),
                summary=ended.summary,
                reason=ended.reason,
            )
            return replace(week, run=runs.get(week.run.id))

    def _require_lock(self) -> None:
        """Raise DatabaseUnreachable if the connection is gone that keeps others away."""
        self.lock.scalar(select(1))

    def _moment(self) -> datetime:
        return self.now or datetime.now(UTC)


def _do(week: Week, step: Step) -> _Ended:
    for needed in step.needs:
        if (known := week.run.step(needed)) and known.status == "failed":
            return _Ended("skipped", reason=f"it needs the {needed}, which failed")
    try:
        result = step.do(week)
    except Exception as error:  # noqa: BLE001 - whatever it is, the later steps are to be done
        return _Ended("failed", reason=_message(error))
    if isinstance(result, Skip):
        return _Ended("skipped", reason=result.reason)
    return _Ended("finished", result)


def _message(error: Exception) -> str:
    return str(error) if isinstance(error, AgentDBError) else f"{type(error).__name__}: {error}"


def _report(run: Run) -> WeekReport:
    status: Literal["finished", "failed"] = "failed" if run.failed else "finished"
    return WeekReport(run.target, status, None, run.started_at, run.finished_at, run.steps)
