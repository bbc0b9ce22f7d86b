"""Advice as a value: what it says, what is done with it, and where each status may lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from agentdb.embedding.embedder import Vector
from agentdb.errors import StatusRefused
from agentdb.models.base import Json
from agentdb.models.optimization import Evidence, Kind, Status


@dataclass(frozen=True, slots=True)
class StatementEffect:
    """What the advice does to one statement: medians of one call before and after.

    Blocks are of 8 kB; `calls` is how often the workload calls it.
    """

    fingerprint: str
    query: str
    before_ms: float
    after_ms: float
    before_blocks: int
    after_blocks: int
    calls: int


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A vector and the name of the model that gave it: only vectors of one model compare."""

    model: str
    vector: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is told to whoever has to decide, and what it is found by later."""

    audit_id: UUID | None = None
    position: int = 0  # the order in which the advice of one audit is to be run
    target: str
    kind: Kind
    title: str
    schema_name: str | None = None
    table_name: str | None = None
    sql: str
    rollback_sql: str | None = None
    definition: str  # what it is, without a name of its own
    reasoning: str
    confidence: float  # 0 to 1
    evidence: Evidence
    gain_percent: float | None = None  # predicted, of the time of the statements concerned
    size_bytes: int | None = None
    statements: tuple[StatementEffect, ...] = ()
    plan_before: Json = None
    plan_after: Json = None
    evidence_detail: Json = field(default_factory=dict)  # values tried, kind of trial, sample…
    features: str = ""  # what the statements are like, in words without names
    shape: Json = field(default_factory=dict)  # what the fix is like, without names


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewOptimization(Advice):
    """Advice to be kept."""

    embedding: Embedding | None = None  # of `features`


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimization(Advice):
    """Advice as it is kept, and what became of it."""

    id: UUID
    status: Status
    status_reason: str | None
    created_at: datetime
    decided_at: datetime | None
    applied_at: datetime | None
    measured_at: datetime | None
    measured_gain_percent: float | None  # on the target, after it was applied


@dataclass(frozen=True, slots=True)
class Scored:
    """Advice found again; `similarity` is the cosine of its vector and the one asked for."""

    optimization: Optimization
    similarity: float | None  # None without a vector of the same model
    score: float  # of the two rankings fused: it orders, and says nothing by itself


_MEASURED: frozenset[Status] = frozenset({"confirmed", "neutral", "regressed"})
_ENDED: frozenset[Status] = _MEASURED | {"rejected"}

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    "proposed": frozenset({"accepted", "rejected", "applied"}),
    "accepted": frozenset({"applied", "rejected"}),
    # On second thoughts, or by someone who did not ask.
    "rejected": frozenset({"accepted", "applied"}),
    # Taken back before its effect was known.
    "applied": _ENDED,
    # Measured again, or taken back.
    **dict.fromkeys(_MEASURED, _ENDED),
}
"""Where each status may go."""


def checked_transition(current: Status, wanted: Status) -> Status:
    """Return the wanted status; raise `StatusRefused` if the current one does not lead there."""
    if wanted in TRANSITIONS[current]:
        return wanted
    if wanted == current:
        raise StatusRefused(
            f"the recommendation is {current} already: see `agentdb recommendations show ID`"
        )
    ways = ", ".join(sorted(TRANSITIONS[current]))
    raise StatusRefused(f"the recommendation is {current} and cannot become {wanted}, only {ways}")
