"""Audits kept: when, of what, what they saw, how they ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from agentdb.errors import NotFound
from agentdb.history.causes import SeenPlans
from agentdb.models.audit import AuditRow, AuditStatus, StatementRow
from agentdb.models.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One audit as it is kept; `target` is `host/database` without secrets."""

    id: UUID
    target: str
    server_version: str
    status: AuditStatus
    started_at: datetime
    finished_at: datetime | None
    settings: Json
    coverage: Json
    workload: Json
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSnapshot:
    """One statement as an audit saw it; `reason` says why it was not analysed.

    Times are milliseconds, blocks are of 8 kB, the share of time is 0 to 1; all but the mean
    are totals over all calls. `plans` are the shapes that believable calls of it had, that of most
    calls first; None where it was not planned.
    """

    fingerprint: str
    query: str
    calls: int
    total_ms: float
    mean_ms: float
    rows: int
    blocks: int
    share_of_time: float
    analysed: bool
    reason: str | None = None
    plans: Sequence[str] | None = None


class AuditRepository:
    """The record of audits, in the caller's session: never committed here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, target: str, server_version: str, settings: Json) -> UUID:
        """Keep that an audit has begun; return its id."""
        values = {"target": target, "server_version": server_version, "settings": settings}
        new = insert(AuditRow).values(values).returning(AuditRow.id)
        return self._session.scalars(new).one()

    def finish(self, audit_id: UUID, coverage: Json, workload: Json) -> None:
        """Keep that it is done, and what it covered."""
        self._end(audit_id, status="finished", coverage=coverage, workload=workload)

    def fail(self, audit_id: UUID, error: str) -> None:
        """Keep that it failed, and with which message."""
        self._end(audit_id, status="failed", error=error)

    def fail_abandoned(self, target: str) -> None:
        """Keep that no audit of a target runs any more: whoever ran one is gone without a word."""
        running = update(AuditRow).where(AuditRow.target == target, AuditRow.status == "running")
        ended = {"status": "failed", "error": "ended without a word"}
        self._session.execute(running.values(finished_at=func.clock_timestamp(), **ended))

    def keep_statements(self, audit_id: UUID, statements: Iterable[StatementSnapshot]) -> None:
        """Keep what the audit saw: one snapshot for each fingerprint."""
        rows = [{"audit_id": audit_id, **asdict(statement)} for statement in statements]
        if rows:
            self._session.execute(insert(StatementRow), rows)

    def get(self, audit_id: UUID) -> AuditRecord:
        """Return an audit; raise `NotFound` if there is none of that id."""
        row = self._session.get(AuditRow, audit_id)
        if row is None:
            raise NotFound(f"no audit has the id {audit_id}: see `agentdb recommendations list`")
        return _record(row)

    def latest(self, target: str) -> AuditRecord | None:
        """Return the newest audit of a target that is finished; None before the first."""
        finished = select(AuditRow).where(AuditRow.target == target, AuditRow.status == "finished")
        row = self._session.scalar(finished.order_by(AuditRow.started_at.desc()).limit(1))
        return None if row is None else _record(row)

    def plans(self, target: str, start: datetime, end: datetime) -> tuple[SeenPlans, ...]:
        """Return the plans that audits begun from `start` to `end` saw, in the order of time."""
        audited = AuditRow.target == target, AuditRow.started_at.between(start, end)
        seen = (
            select(StatementRow.fingerprint, StatementRow.plans, AuditRow.started_at)
            .join_from(StatementRow, AuditRow, StatementRow.audit_id == AuditRow.id)
            .where(*audited, StatementRow.plans.is_not(None))
            .order_by(AuditRow.started_at, StatementRow.fingerprint)
        )
        return tuple(
            SeenPlans(row.fingerprint, tuple(row.plans), row.started_at)
            for row in self._session.execute(seen)
        )

    def _end(self, audit_id: UUID, **values: Json) -> None:
        ended = update(AuditRow).where(AuditRow.id == audit_id)
        self._session.execute(ended.values(finished_at=func.clock_timestamp(), **values))


def _record(row: AuditRow) -> AuditRecord:
    return AuditRecord(**{field.name: getattr(row, field.name) for field in fields(AuditRecord)})
