"""What an audit tells: the value behind its table, its JSON, its Markdown and its HTML.

The names and the nesting of the fields are those of the JSON, which scripts read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Omission:
    """A statement that was not analysed, and why; `share_of_time` is 0 to 1."""

    fingerprint: str
    query: str
    share_of_time: float
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the workload was analysed; `unlisted` more were left out than are listed."""

    statements: int
    analysed: int
    share_of_time: float
    skipped: tuple[Omission, ...]
    unlisted: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call of a statement before and after: milliseconds, and blocks of 8 kB."""

    fingerprint: str
    query: str
    before_ms: float
    after_ms: float
    before_blocks: int
    after_blocks: int
    calls: int


@dataclass(frozen=True, slots=True)
class WorkloadStatement(Outcome):
    """A statement that was analysed; `note` says why nothing is advised for it, if so."""

    share_of_time: float
    helped: bool
    note: str


@dataclass(frozen=True, slots=True)
class Similar:
    """A fix advised earlier for a statement like one of these."""

    id: str
    similarity: float
    title: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Advised:
    """One thing to do, what it does to which statements, and what is remembered of its like.

    `saved_ms` is what it saves of the workload's time beside the others. `first_advised_at` is
    earlier than this audit when the same advice was open already.
    """

    id: str
    kind: str
    sql: str
    rollback_sql: str
    title: str
    reasoning: str
    confidence: float
    evidence: str
    statements: tuple[Outcome, ...]
    gain_percent: float
    size_bytes: int
    similar: tuple[Similar, ...]
    saved_ms: float
    status: str
    first_advised_at: datetime


@dataclass(frozen=True, slots=True)
class NotAgain:
    """Something that would help and is not proposed: it was turned down, for a reason."""

    title: str
    sql: str
    reason: str


@dataclass(frozen=True, slots=True)
class Workload:
    """All that the target did since it counts, before and after all the advice; the heaviest first.

    Times are totals over all calls, statements that were not analysed included.
    """

    time_before_ms: float
    time_after_ms: float
    statements: tuple[WorkloadStatement, ...]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Past advice of much the same confidence: what was said, and the share that came true.

    `low` and `high` are the bounds of that share in 95 of 100 cases, all of 0 to 1.
    """

    predicted: float
    observed: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """One audit as it is told. `kept` is False for a dry run; no outcome, no `reliability`."""

    audit_id: str
    target: str
    server_version: str
    started_at: datetime
    finished_at: datetime
    coverage: Coverage
    recommendations: tuple[Advised, ...]
    workload: Workload
    notes: tuple[str, ...]
    kept: bool
    not_again: tuple[NotAgain, ...] = ()
    reliability: tuple[ReliabilityBin, ...] = ()
