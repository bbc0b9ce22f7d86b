"""Tables of what was looked at: one row per audit, one per statement it saw."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, Json, one_of

AuditStatus = Literal["running", "finished", "failed"]


class AuditRow(Base):
    """One audit of one target, from its first statement to its last."""

    __tablename__ = "audits"
    __table_args__ = (
        one_of("status", get_args(AuditStatus)),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="ended"),
        Index(None, "target", text("started_at DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    target: Mapped[str]  # host/database, no secrets
    server_version: Mapped[str]
    status: Mapped[AuditStatus] = mapped_column(Text, server_default="running")
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    finished_at: Mapped[datetime | None]
    settings: Mapped[Json] = mapped_column(nullable=False)
    coverage: Mapped[Json | None]
    workload: Mapped[Json | None]
    error: Mapped[str | None]


class StatementRow(Base):
    """One statement as an audit saw it; a statement left out says why."""

    __tablename__ = "statement_snapshots"
    __table_args__ = (
        CheckConstraint("analysed OR reason IS NOT NULL", name="reason"),
        Index(None, "fingerprint"),
    )

    audit_id: Mapped[UUID] = mapped_column(
        ForeignKey("agentdb.audits.id", ondelete="CASCADE"), primary_key=True
    )
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    query: Mapped[str]
    calls: Mapped[int]
    total_ms: Mapped[float]
    mean_ms: Mapped[float]
    rows: Mapped[int]
    blocks: Mapped[int]  # of 8 kB, hit and read, all calls together
    share_of_time: Mapped[float]  # 0 to 1
    analysed: Mapped[bool]
    reason: Mapped[str | None]
    plans: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # shapes, that of most calls first
