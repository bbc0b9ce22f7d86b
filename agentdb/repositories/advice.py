"""Advice as a value: what it says, what is done with it, and where each status may lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from agentdb.embedding.embedder import Vector
from agentdb.errors import StatusRefused
from agentdb.models.base import Json
from agentdb.models.optimization import (
    VERDICTS,
    Actor,
    AppliedHow,
    Evidence,
    Kind,
    Status,
    Verdict,
)


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
    reverts: UUID | None = None  # the advice that this one takes back


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewOptimization(Advice):
    """Advice to be kept."""

    embedding: Embedding | None = None  # of `features`


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimization(Advice):
    """Advice as it is kept, and what became of it.

    It was applied between `applied_after`, when the catalog was last read without it, and
    `applied_at`. The measured gain is of the time of its statements, what is saved is net of what
    writes pay; each with the bounds that hold in 95 of 100 cases. The last `verdict` outlives
    a revert.
    """

    id: UUID
    status: Status
    status_reason: str | None
    created_at: datetime
    decided_at: datetime | None
    applied_after: datetime | None
    applied_at: datetime | None
    applied_how: AppliedHow | None
    measured_at: datetime | None
    measured_gain_percent: float | None
    measured_gain_low_percent: float | None
    measured_gain_high_percent: float | None
    saved_ms_per_week: float | None
    saved_ms_per_week_low: float | None
    saved_ms_per_week_high: float | None
    verdict: Verdict | None
    verdict_detail: Json


@dataclass(frozen=True, slots=True)
class Event:
    """One change in a life: at first from nowhere; where both are the same, something was noted."""

    at: datetime
    from_status: Status | None
    to_status: Status
    why: str | None
    by: Actor


@dataclass(frozen=True, slots=True)
class Applied:
    """That advice was applied: how that is known, and between which two moments it was done."""

    how: AppliedHow
    after: datetime | None  # None: nobody looked before
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What applied advice did on the target, and the verdict on it; None is not known.

    Gains are of the time of the statements concerned, in percent; what is saved is milliseconds a
    week, net of what writes pay; each with the bounds that hold in 95 of 100 cases.
    """

    verdict: Verdict
    why: str
    gain_percent: float | None = None
    gain_low_percent: float | None = None
    gain_high_percent: float | None = None
    saved_ms_per_week: float | None = None
    saved_ms_per_week_low: float | None = None
    saved_ms_per_week_high: float | None = None
    detail: Json = None


@dataclass(frozen=True, slots=True)
class TurnedDown:
    """Advice that was rejected, or else taken back after it was measured and had not helped."""

    definition: str
    is_rejected: bool
    at: datetime
    why: str
    saved_share: float | None  # of the workload's time, predicted when it was given


@dataclass(frozen=True, slots=True)
class Scored:
    """Advice found again; `similarity` is the cosine of its vector and the one asked for."""

    optimization: Optimization
    similarity: float | None  # None without a vector of the same model
    score: float  # of the two rankings fused: it orders, and says nothing by itself


_MEASURED: frozenset[Status] = frozenset(VERDICTS)
IN_PLACE: frozenset[Status] = _MEASURED | {"applied"}
"""What was done on the target, as far as is known, and not taken back."""

_AFTERWARDS: frozenset[Status] = _MEASURED | {"reverted", "rejected"}
_RECONSIDERED: frozenset[Status] = frozenset({"accepted", "applied"})

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    "proposed": frozenset({"accepted", "rejected", "applied", "superseded"}),
    "accepted": frozenset({"applied", "rejected"}),
    # On second thoughts, or by someone who did not ask.
    "rejected": _RECONSIDERED,
    "superseded": _RECONSIDERED | {"rejected"},
    "reverted": _RECONSIDERED | {"rejected"},
    "applied": _AFTERWARDS,
    # Measured again, or taken back.
    **{status: _AFTERWARDS - {status} for status in VERDICTS},
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
