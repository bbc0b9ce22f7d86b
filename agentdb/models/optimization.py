"""The table of advice given, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, Json, one_of
from agentdb.models.vector import Vector, VectorType

Kind = Literal[
    "create_index", "drop_index", "rewrite", "statistics", "partition", "setting", "maintenance"
]
Evidence = Literal["measured", "estimated", "recalled"]
Status = Literal["proposed", "accepted", "applied", "rejected", "confirmed", "neutral", "regressed"]

PENDING = text("status IN ('proposed', 'accepted')")
"""Advice that is open: there is at most one of the same identity and target."""


class OptimizationRow(Base):
    """One piece of advice: what to run, why, on which evidence, and how it ended."""

    __tablename__ = "optimizations"
    __table_args__ = (
        one_of("kind", get_args(Kind)),
        one_of("evidence", get_args(Evidence)),
        one_of("status", get_args(Status)),
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
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    # Advice outlives the audit that gave it.
    audit_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("agentdb.audits.id", ondelete="SET NULL")
    )
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
    measured_gain_percent: Mapped[float | None]  # on the target, after it was applied
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
    applied_at: Mapped[datetime | None]
    measured_at: Mapped[datetime | None]
    embedding_model: Mapped[str | None]
    # Search reads these two; nobody needs them beside the advice.
    embedding: Mapped[Vector | None] = mapped_column(VectorType(), deferred=True)
    words: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed("to_tsvector('simple'::regconfig, features)", persisted=True),
        deferred=True,
    )
