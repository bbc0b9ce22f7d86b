"""Weekly runs kept: when, which steps, how each ended; of what runs, only that it was begun."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from agentdb.models.base import Json
from agentdb.models.run import ClockRow, RunRow, RunStatus, RunStepRow, StepStatus

_FRESH = {"populate_existing": True}  # what the session has seen before may be out of date


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """A step of a run as it is kept; `reason` says why it failed or was skipped.

    `attempts` counts how often it was begun; `started_at` is when it was the first time.
    """

    name: str
    status: StepStatus
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    summary: Json
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it is kept, with its steps in the order in which they were begun."""

    id: UUID
    target: str
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    steps: tuple[RunStep, ...]

    def step(self, name: str) -> RunStep | None:
        """Return a step, if it was begun."""
        return next((step for step in self.steps if step.name == name), None)

    @property
    def failed(self) -> tuple[RunStep, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.status == "failed")


class RunRepository:
    """The record of weekly runs, in the caller's session: never committed here.

    Whoever writes to that of a target must be alone with it: `agentdb.wiring.weekly` is.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, target: str, at: datetime) -> Run:
        """Keep that a run has begun."""
        new = insert(RunRow).values(target=target, started_at=at).returning(RunRow)
        return self._run(self._session.scalars(new).one())

    def get(self, run_id: UUID) -> Run:
        """Return a run."""
        return self._run(self._session.scalars(select(RunRow).filter_by(id=run_id)).one())

    def unfinished(self, target: str, since: datetime) -> Run | None:
        """Return the newest run of a target if it was begun since then and never ended."""
        last = self.latest(target)
        is_open = last is not None and last.status == "running" and last.started_at >= since
        return last if is_open else None

    def latest(self, target: str, status: RunStatus | None = None) -> Run | None:
        """Return the newest run of a target, or the newest that ended so."""
        wanted = select(RunRow).filter_by(target=target)
        if status is not None:
            wanted = wanted.filter_by(status=status)
        newest = wanted.order_by(RunRow.started_at.desc()).limit(1)
        row = self._session.scalars(newest, execution_options=_FRESH).one_or_none()
        return None if row is None else self._run(row)

    def latest_step(self, target: str, name: str, *, before: datetime) -> RunStep | None:
        """Return the newest step of a name that was begun before then and is finished."""
        newest = _finished(target, name).where(RunStepRow.started_at < before)
        return self._one(newest.order_by(RunStepRow.started_at.desc()))

    def first_step(self, target: str, name: str, *, since: datetime) -> RunStep | None:
        """Return the oldest step of a name that was begun since then and is finished."""
        oldest = _finished(target, name).where(RunStepRow.started_at >= since)
        return self._one(oldest.order_by(RunStepRow.started_at))

    def _one(self, wanted: Select[RunStepRow]) -> RunStep | None:
        row = self._session.scalars(wanted.limit(1), execution_options=_FRESH).one_or_none()
        return None if row is None else _step(row)

    def fail_abandoned(self, target: str, at: datetime) -> None:
        """Keep that no run of a target is under way any more: who ran it is gone without a word."""
        running = select(RunRow.id).filter_by(target=target, status="running")
        steps = update(RunStepRow).where(
            RunStepRow.run_id.in_(running), RunStepRow.status == "running"
        )
        ended = {"status": "failed", "finished_at": at}
        self._session.execute(steps.values(reason="ended without a word", **ended))
        self._session.execute(update(RunRow).where(RunRow.id.in_(running)).values(ended))

    def finish(self, run_id: UUID, at: datetime) -> Run:
        """Keep that a run is over: failed if one of its steps is."""
        status: RunStatus = "failed" if self.get(run_id).failed else "finished"
        ended = update(RunRow).where(RunRow.id == run_id)
        self._session.execute(ended.values(status=status, finished_at=at))
        return self.get(run_id)

    # Steps

    def begin_step(self, run_id: UUID, name: str, at: datetime) -> RunStep:
        """Keep that a step has begun, for the first time or again; commit before doing it."""
        new = postgresql.insert(RunStepRow).values(run_id=run_id, name=name, started_at=at)
        again = new.on_conflict_do_update(
            index_elements=[RunStepRow.run_id, RunStepRow.name],
            set_={
                "status": "running",
                "attempts": RunStepRow.attempts + 1,
                "finished_at": None,
                "reason": None,
            },
        ).returning(RunStepRow)
        return _step(self._session.scalars(again, execution_options=_FRESH).one())

    def end_step(
        self,
        run_id: UUID,
        name: str,
        status: StepStatus,
        at: datetime,
        *,
        summary: Json = None,
        reason: str | None = None,
    ) -> RunStep:
        """Keep how a step ended that was begun."""
        ended = update(RunStepRow).where(RunStepRow.run_id == run_id, RunStepRow.name == name)
        values = {"status": status, "finished_at": at, "summary": summary, "reason": reason}
        rows = self._session.scalars(
            ended.values(values).returning(RunStepRow), execution_options=_FRESH
        )
        return _step(rows.one())

    def _run(self, row: RunRow) -> Run:
        steps = select(RunStepRow).filter_by(run_id=row.id).order_by(RunStepRow.id)
        kept = self._session.scalars(steps, execution_options=_FRESH)
        names = [field.name for field in fields(Run) if field.name != "steps"]
        return Run(**{name: getattr(row, name) for name in names}, steps=tuple(map(_step, kept)))

    # Clocks

    def note_clock(self, target: str, next_run_at: datetime) -> None:
        """Keep when the clock of a target will ring next."""
        new = postgresql.insert(ClockRow).values(target=target, next_run_at=next_run_at)
        values = {"next_run_at": next_run_at, "noted_at": func.clock_timestamp()}
        key = [ClockRow.target]
        self._session.execute(new.on_conflict_do_update(index_elements=key, set_=values))

    def clock(self, target: str) -> datetime | None:
        """Return when the clock of a target said that it will ring next."""
        noted = select(ClockRow.next_run_at).filter_by(target=target)
        return self._session.scalars(noted).one_or_none()


def _finished(target: str, name: str) -> Select[RunStepRow]:
    """Return how to find the steps of a name that are finished."""
    return (
        select(RunStepRow)
        .join(RunRow, RunRow.id == RunStepRow.run_id)
        .where(RunRow.target == target, RunStepRow.name == name, RunStepRow.status == "finished")
    )


def _step(row: RunStepRow) -> RunStep:
    return RunStep(**{field.name: getattr(row, field.name) for field in fields(RunStep)})
