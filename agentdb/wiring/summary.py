"""An audit as it is told: pure, from what the line found to the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agentdb.architect.audit import Audit
from agentdb.architect.recall import Case, Precedent
from agentdb.architect.recommendation import (
    Recommendation,
    StatementGain,
    statement_gains,
    title,
)
from agentdb.delivery.report import (
    Advised,
    Coverage,
    NotAgain,
    Omission,
    Outcome,
    ReliabilityBin,
    Report,
    Similar,
    Workload,
    WorkloadStatement,
)
from agentdb.history.changes import version_text
from agentdb.target.index import IndexDefinition
from agentdb.target.syntax import canonical

_HELPED = 0.8  # of the time before: less than that is told as faster
_QUICK_BLOCKS = 20  # a call that touches fewer blocks is as quick as it gets


@dataclass(frozen=True, slots=True)
class Filed:
    """Where an audit's advice is kept: the id and status of each, and since when."""

    id: UUID
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """What keeping an audit gave: its id, and each piece of advice by what it is."""

    audit_id: UUID
    filed: Mapping[IndexDefinition, Filed]


def summarise(
    audit: Audit,
    notes: Sequence[str] = (),
    record: Record | None = None,
    reliability: Sequence[ReliabilityBin] = (),
) -> Report:
    """Return the report of an audit; with the `record` of keeping it, under the ids kept."""
    filed = record.filed if record else _unfiled(audit)
    return Report(
        audit_id=str(record.audit_id if record else audit.id),
        target=audit.target,
        server_version=version_text(audit.workload.server_version),
        started_at=audit.started_at,
        finished_at=audit.finished_at,
        coverage=coverage(audit),
        recommendations=tuple(
            _advised(found, filed[found.definition], audit) for found in audit.recommendations
        ),
        workload=workload(audit),
        notes=(*notes, *audit.workload.notes, *audit.trials.notes),
        kept=record is not None,
        not_again=tuple(_not_again(audit)),
        reliability=tuple(reliability),
    )


def coverage(audit: Audit) -> Coverage:
    """Return how much of the workload was looked at to the end."""
    unread = {skipped.fingerprint for skipped in audit.skipped}
    done = [each for each in audit.workload.statements if each.fingerprint not in unread]
    return Coverage(
        statements=audit.workload.coverage.statements,
        analysed=len(done),
        share_of_time=_share(sum(each.share_of_time for each in done)),
        skipped=tuple(
            Omission(each.fingerprint, each.query, _share(each.share_of_time), each.reason)
            for each in audit.skipped
        ),
        unlisted=audit.workload.unlisted,
    )


def workload(audit: Audit) -> Workload:
    """Return every statement before and after, and all of them together."""
    gains = _gains(audit)
    before = audit.workload.total_milliseconds
    saved = sum(
        gain.total_ms * (1 - gain.after_ms / gain.before_ms)
        for gain in gains.values()
        if gain.before_ms
    )
    return Workload(_ms(before), _ms(before - saved), tuple(_statements(audit, gains)))


def saved_milliseconds(audit: Audit) -> Mapping[IndexDefinition, float]:
    """Return what each index saves of the workload's time beside the other chosen ones."""
    return {trial.candidate.definition: trial.saved_milliseconds for trial in audit.trials.trials}


def _unfiled(audit: Audit) -> dict[IndexDefinition, Filed]:
    return {
        found.definition: Filed(found.id, "proposed", audit.finished_at)
        for found in audit.recommendations
    }


def _advised(found: Recommendation, filed: Filed, audit: Audit) -> Advised:
    return Advised(
        id=str(filed.id),
        kind=found.kind,
        sql=found.sql,
        rollback_sql=found.rollback_sql,
        title=found.title,
        reasoning=found.reasoning,
        confidence=found.confidence,
        evidence=found.evidence,
        statements=tuple(_outcome(gain) for gain in found.statements),
        gain_percent=round(found.gain_percent, 1),
        size_bytes=found.size_bytes,
        similar=tuple(_similar(past) for past in _precedents(found, filed.id)),
        saved_ms=_ms(saved_milliseconds(audit)[found.definition]),
        status=filed.status,
        first_advised_at=filed.created_at,
    )


def _not_again(audit: Audit) -> Iterator[NotAgain]:
    for trial in audit.trials.trials:
        if trial.is_unwanted:
            definition = trial.candidate.definition
            sql = canonical(definition.create_sql())
            yield NotAgain(title(definition), sql, trial.reason)


def _precedents(found: Recommendation, own: UUID) -> list[Precedent]:
    """The same kind of fix first, then the likest. What is open still is no precedent of itself."""
    shape = found.definition.shape
    others = [past for past in found.similar if past.id != str(own)]
    return sorted(others, key=lambda past: (past.shape != shape, -past.similarity))


def _similar(past: Precedent) -> Similar:
    return Similar(past.id, round(past.similarity, 3), past.title, past.verdict)


def _outcome(gain: StatementGain) -> Outcome:
    return Outcome(
        gain.fingerprint,
        gain.query,
        _ms(gain.before_ms),
        _ms(gain.after_ms),
        gain.before_blocks,
        gain.after_blocks,
        gain.calls,
    )


def _gains(audit: Audit) -> dict[str, StatementGain]:
    effects = audit.trials.effects
    cases = {case.fingerprint: case for case in audit.cases}
    measured = {effect.fingerprint for effect in effects}
    return {gain.fingerprint: gain for gain in statement_gains(effects, cases, measured)}


def _statements(audit: Audit, gains: Mapping[str, StatementGain]) -> Iterator[WorkloadStatement]:
    ideas = Counter(
        fingerprint for trial in audit.trials.trials for fingerprint in trial.candidate.fingerprints
    )
    unread = {skipped.fingerprint for skipped in audit.skipped}
    for case in audit.cases:
        if case.fingerprint not in unread:
            yield _statement(case, gains.get(case.fingerprint), ideas[case.fingerprint])


def _statement(case: Case, gain: StatementGain | None, ideas: int) -> WorkloadStatement:
    statement = case.study.statement
    blocks = round(statement.blocks / max(statement.calls, 1))
    before_ms = gain.before_ms if gain else statement.mean_milliseconds
    after_ms = gain.after_ms if gain else before_ms
    helped = after_ms < before_ms * _HELPED
    before_blocks = gain.before_blocks if gain else blocks
    return WorkloadStatement(
        fingerprint=case.fingerprint,
        query=statement.query,
        before_ms=_ms(before_ms),
        after_ms=_ms(after_ms),
        before_blocks=before_blocks,
        after_blocks=gain.after_blocks if gain else blocks,
        calls=statement.calls,
        share_of_time=_share(statement.share_of_time),
        helped=helped,
        note="" if helped else _why_not(before_blocks, ideas),
    )


def _why_not(blocks: int, ideas: int) -> str:
    if blocks < _QUICK_BLOCKS:
        return "quick already"
    if not ideas:
        return "nothing in it that an index could serve"
    return f"{ideas} ideas, none pays as far as tried" if ideas > 1 else "one idea, it does not pay"


def _ms(milliseconds: float) -> float:
    return round(milliseconds, 3)


def _share(share: float) -> float:
    return round(min(share, 1.0), 5)
