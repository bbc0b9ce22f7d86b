"""The tables of advice given, of what became of it, and of each change on the way."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.audit import AuditRow
from agentdb.models.base import Base, Json, one_of
from agentdb.models.vector import Vector, VectorType

Kind = Literal[
    "create_index", "drop_index", "rewrite", "statistics", "partition", "setting", "maintenance"
]
Evidence = Literal["measured", "estimated", "recalled"]
Verdict = Literal["confirmed", "neutral", "regressed", "not_enough_data"]
Status = Literal["proposed", "accepted", "applied", "rejected", "reverted", "superseded"] | Verdict
AppliedHow = Literal["told", "catalog", "merged"]
Actor = Literal["user", "audit", "catalog", "measurement", "delivery"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
STATUSES: tuple[Status, ...] = (
    "proposed",
    "accepted",
    "applied",
    "rejected",
    "reverted",
    "superseded",
    *VERDICTS,
)

PENDING = text("status IN ('proposed', 'accepted')")
"""Advice that is open: there is at most one of the same identity and target."""


class OptimizationRow(Base):
    """One piece of advice: what to run, why, on which evidence, and how it ended."""

    __tablename__ = "optimizations"
    __table_args__ = (
        one_of("kind", get_args(Kind)),
        one_of("evidence", get_args(Evidence)),
        one_of("status", STATUSES),
        one_of("verdict", VERDICTS),
        one_of("applied_how", get_args(AppliedHow)),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        CheckConstraint("(embedding IS NULL) = (embedding_model IS NULL)", name="embedding_model"),
        Index(
            "optimizations_pending_key",
            "target",
            "identity",
            unique=True,
            postgresql_where=PENDING,
        ),
        Index(None, "target", text("created_at DESC")),
        Index(None, "audit_id"),
        Index(None, "reverts", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    # Advice outlives the audit that gave it.
    audit_id: Mapped[UUID | None] = mapped_column(ForeignKey(AuditRow.id, ondelete="SET NULL"))
    position: Mapped[int]  # the order in which the advice of one audit is to be run
    target: Mapped[str]
    kind: Mapped[Kind] = mapped_column(Text)
    title: Mapped[str]
    schema_name: Mapped[str | None]
    table_name: Mapped[str | None]
    sql: Mapped[str]
    rollback_sql: Mapped[str | None]
    definition: Mapped[str]  # what it is, without its name
    identity: Mapped[str]  # a digest of kind and definition
    reasoning: Mapped[str]
    confidence: Mapped[float]
    evidence: Mapped[Evidence] = mapped_column(Text)
    gain_percent: Mapped[float | None]  # predicted
    # On the target, after it was applied; with what it is between in 95 of 100 cases.
    measured_gain_percent: Mapped[float | None]
    measured_gain_low_percent: Mapped[float | None]
    measured_gain_high_percent: Mapped[float | None]
    # Net of what writes pay.
    saved_ms_per_week: Mapped[float | None]
    saved_ms_per_week_low: Mapped[float | None]
    saved_ms_per_week_high: Mapped[float | None]
    size_bytes: Mapped[int | None]
    statements: Mapped[Json] = mapped_column(nullable=False)
    plan_before: Mapped[Json | None]
    plan_after: Mapped[Json | None]
    evidence_detail: Mapped[Json] = mapped_column(nullable=False)
    features: Mapped[str]
    shape: Mapped[Json] = mapped_column(nullable=False)
    status: Mapped[Status] = mapped_column(Text, server_default="proposed")
    status_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    decided_at: Mapped[datetime | None]
    applied_after: Mapped[datetime | None]  # when the catalog was last read without it
    applied_at: Mapped[datetime | None]
    applied_how: Mapped[AppliedHow | None] = mapped_column(Text)
    measured_at: Mapped[datetime | None]
    verdict: Mapped[Verdict | None] = mapped_column(Text)  # the last; it outlives a revert
    verdict_detail: Mapped[Json | None]
    # What this advice takes back: at most one does.
    reverts: Mapped[UUID | None] = mapped_column(
        ForeignKey("agentdb.optimizations.id", ondelete="CASCADE")
    )
    embedding_model: Mapped[str | None]
    # Search reads these two; nobody needs them beside the advice.
    embedding: Mapped[Vector | None] = mapped_column(VectorType(), deferred=True)
    words: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed("to_tsvector('simple'::regconfig, features)", persisted=True),
        deferred=True,
    )


class OptimizationEventRow(Base):
    """One change in the life of a piece of advice: a fact, never changed.

    The first comes from nowhere; where both are the same, something was noted.
    """

    __tablename__ = "optimization_events"
    __table_args__ = (
        one_of("from_status", STATUSES),
        one_of("to_status", STATUSES),
        one_of("by", get_args(Actor)),
        Index(None, "optimization_id", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    optimization_id: Mapped[UUID] = mapped_column(
        ForeignKey("agentdb.optimizations.id", ondelete="CASCADE")
    )
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    from_status: Mapped[Status | None] = mapped_column(Text)
    to_status: Mapped[Status] = mapped_column(Text)
    why: Mapped[str | None]
    by: Mapped[Actor] = mapped_column(Text)
