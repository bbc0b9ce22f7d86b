"""An audit, and all of it kept, or that it failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from uuid import UUID

import numpy as np
from sqlalchemy import Engine

from agentdb import database
from agentdb.architect.audit import Audit
from agentdb.architect.recommendation import Recommendation, StatementGain
from agentdb.architect.study import Study
from agentdb.architect.workload import Statement
from agentdb.errors import AgentDBError, DatabaseError
from agentdb.models.base import Json
from agentdb.repositories.advice import Embedding, NewOptimization, StatementEffect
from agentdb.repositories.audits import AuditRepository, StatementSnapshot
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.target.index import IndexDefinition
from agentdb.wiring.summary import Filed, Record, coverage, saved_milliseconds, workload

_PATIENCE = 2  # so many audits have to leave out what is proposed before it is superseded


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is known of an audit before it begins; `settings` hold no secrets."""

    target: str
    server_version: str
    settings: Mapping[str, Json]
    model: str  # whose vectors the statements get


def keep_audit(
    engine: Engine, occasion: Occasion, line: Callable[[], Audit]
) -> tuple[Audit, Record]:
    """Run the line and keep what it finds, all at once; if it fails, keep that it failed."""
    audit_id = _begin(engine, occasion)
    try:
        audit = line()
        return audit, _keep(engine, audit_id, audit, occasion)
    except BaseException as error:
        _fail(engine, audit_id, error)
        raise


def _begin(engine: Engine, occasion: Occasion) -> UUID:
    with database.session(engine) as session:
        audits = AuditRepository(session)
        audits.fail_abandoned(occasion.target)
        return audits.begin(occasion.target, occasion.server_version, occasion.settings)


def _fail(engine: Engine, audit_id: UUID, error: BaseException) -> None:
    # Our own database may be what failed: then nothing can be kept, and the error says so.
    with suppress(DatabaseError), database.session(engine) as session:
        AuditRepository(session).fail(audit_id, _message(error))


def _message(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) if isinstance(error, AgentDBError) else f"{type(error).__name__}: {error}"


def _keep(engine: Engine, audit_id: UUID, audit: Audit, occasion: Occasion) -> Record:
    with database.session(engine) as session:
        audits = AuditRepository(session)
        audits.keep_statements(audit_id, _snapshots(audit))
        record = OptimizationRepository(session)
        filed: dict[IndexDefinition, Filed] = {}
        for new in _new_optimizations(audit_id, audit, occasion):
            kept = record.add(new.optimization)
            filed[new.definition] = Filed(kept.id, kept.status, kept.created_at)
        audits.finish(audit_id, _coverage_json(audit), _workload_json(audit))
        record.supersede(occasion.target, _PATIENCE)
    return Record(audit_id, filed)


@dataclass(frozen=True, slots=True)
class _New:
    definition: IndexDefinition
    optimization: NewOptimization


def _new_optimizations(audit_id: UUID, audit: Audit, occasion: Occasion) -> Iterator[_New]:
    saved, total = saved_milliseconds(audit), audit.workload.total_milliseconds
    for position, found in enumerate(audit.recommendations):
        detail: dict[str, Json] = {
            "trial": occasion.settings.get("trial"),
            "values_tried": found.values_tried,
            "raw_confidence": found.raw_confidence,
            "table_rows": found.table_rows,
            "names_value": found.names_value,
            "saved_ms": saved[found.definition],
            "saved_share": saved[found.definition] / total if total else 0.0,
        }
        yield _New(found.definition, _optimization(audit_id, position, found, occasion, detail))


def _optimization(
    audit_id: UUID, position: int, found: Recommendation, occasion: Occasion, detail: Json
) -> NewOptimization:
    index = found.definition
    return NewOptimization(
        audit_id=audit_id,
        position=position,
        target=occasion.target,
        kind=found.kind,
        title=found.title,
        schema_name=index.schema,
        table_name=index.table,
        sql=found.sql,
        rollback_sql=found.rollback_sql,
        definition=index.unnamed,
        reasoning=found.reasoning,
        confidence=found.confidence,
        evidence=found.evidence,
        gain_percent=found.gain_percent,
        size_bytes=found.size_bytes,
        statements=_effects(found.statements),
        plan_before=found.plan_before,
        plan_after=found.plan_after,
        evidence_detail=detail,
        features=found.features,
        shape={"index": index.shape},
        embedding=Embedding(occasion.model, np.asarray(found.vector, np.float32)),
    )


def _effects(gains: Sequence[StatementGain]) -> tuple[StatementEffect, ...]:
    return tuple(
        StatementEffect(
            gain.fingerprint,
            gain.query,
            gain.before_ms,
            gain.after_ms,
            gain.before_blocks,
            gain.after_blocks,
            gain.calls,
        )
        for gain in gains
    )


def _snapshots(audit: Audit) -> Iterator[StatementSnapshot]:
    reasons = {skipped.fingerprint: skipped.reason for skipped in audit.skipped}
    plans = {study.statement.fingerprint: plan_shapes(study) for study in audit.studies.studies}
    for statement in audit.workload.statements:
        mark = statement.fingerprint
        yield _snapshot(statement, reasons.get(mark), plans.get(mark))


def plan_shapes(study: Study) -> tuple[str, ...]:
    """Return the shapes of the plans of a statement's calls, that of most calls first."""
    weights: defaultdict[str, float] = defaultdict(float)
    for call in study.calls:
        weights[call.plan.shape] += call.weight
    return tuple(sorted(weights, key=lambda shape: (-weights[shape], shape)))


def _snapshot(
    statement: Statement, reason: str | None, plans: tuple[str, ...] | None
) -> StatementSnapshot:
    return StatementSnapshot(
        fingerprint=statement.fingerprint,
        query=statement.query,
        calls=statement.calls,
        total_ms=statement.total_milliseconds,
        mean_ms=statement.mean_milliseconds,
        rows=statement.rows,
        blocks=statement.blocks,
        share_of_time=statement.share_of_time,
        analysed=reason is None,
        reason=reason,
        plans=plans,
    )


def _coverage_json(audit: Audit) -> Json:
    return asdict(coverage(audit))


def _workload_json(audit: Audit) -> Json:
    whole = workload(audit)
    return {"time_before_ms": whole.time_before_ms, "time_after_ms": whole.time_after_ms}
