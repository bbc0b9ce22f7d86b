"""Tables of the weekly run: one row per run, one per step of it, one per clock."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, Json, one_of

RunStatus = Literal["running", "finished", "failed"]
StepStatus = Literal["running", "finished", "failed", "skipped"]


class RunRow(Base):
    """One weekly run over one target; whether one that is running still lives, a lock tells."""

    __tablename__ = "runs"
    __table_args__ = (
        one_of("status", get_args(RunStatus)),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="ended"),
        Index(None, "target", text("started_at DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    target: Mapped[str]  # host/database, no secrets
    status: Mapped[RunStatus] = mapped_column(Text, server_default="running")
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class RunStepRow(Base):
    """One step of a run; one that was begun again keeps the time it was begun first."""

    __tablename__ = "run_steps"
    __table_args__ = (
        one_of("status", get_args(StepStatus)),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="ended"),
        UniqueConstraint("run_id", "name"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("agentdb.runs.id", ondelete="CASCADE"))
    name: Mapped[str]
    status: Mapped[StepStatus] = mapped_column(Text, server_default="running")
    attempts: Mapped[int] = mapped_column(server_default=text("1"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    summary: Mapped[Json | None]
    reason: Mapped[str | None]  # why it failed or was skipped


class ClockRow(Base):
    """When the clock of a target will ring next, as it last said."""

    __tablename__ = "clocks"

    target: Mapped[str] = mapped_column(primary_key=True)  # host/database, no secrets
    next_run_at: Mapped[datetime]
    noted_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
