"""The record of advice: kept, decided on, and found again by what it was given for."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from hashlib import sha256
from itertools import islice
from uuid import UUID

from sqlalchemy import ColumnElement, Double, Select, case, cast, func, null, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agentdb.errors import NotFound, StatusRefused
from agentdb.models.audit import AuditRow
from agentdb.models.optimization import PENDING, Kind, OptimizationRow, Status
from agentdb.repositories.advice import (
    Advice,
    Embedding,
    NewOptimization,
    Optimization,
    Scored,
    StatementEffect,
    checked_transition,
)
from agentdb.search.fusion import fuse
from agentdb.search.statements import matching, nearest, similarity

_DEPTH = 50  # of each ranking, before they are fused
_SHORTEST = 6
_PREFIX = re.compile(f"[0-9a-f]{{{_SHORTEST},32}}")
_FRESH = {"populate_existing": True}  # what the session has seen before may be out of date
_LASTING = ("target", "identity", "definition")  # what makes an open one the same
_MOMENTS = {
    "accepted": "decided_at",
    "rejected": "decided_at",
    "applied": "applied_at",
    "confirmed": "measured_at",
    "neutral": "measured_at",
    "regressed": "measured_at",
}


class OptimizationRepository:
    """The record of advice, in the caller's session: never committed here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, new: NewOptimization) -> Optimization:
        """Keep advice and return it as it is kept.

        If the same is open for the target (proposed or accepted), no second one is made: that
        one keeps its id and status and takes on the new figures.
        """
        values = _values(new)
        made = insert(OptimizationRow).values(values)
        newer = {name: made.excluded[name] for name in values if name not in _LASTING}
        merged = made.on_conflict_do_update(
            index_elements=[OptimizationRow.target, OptimizationRow.identity],
            index_where=PENDING,
            set_=newer,
        ).returning(OptimizationRow)
        return _optimization(self._session.scalars(merged, execution_options=_FRESH).one())

    def get(self, identifier: UUID | str) -> Optimization:
        """Return advice by its id, or by six or more of the id's first digits.

        Raises `NotFound` if there is none, or more than one.
        """
        return _optimization(self._row(identifier))

    def list(
        self,
        *,
        status: Status | None = None,
        target: str | None = None,
        audit_id: UUID | None = None,
    ) -> tuple[Optimization, ...]:
        """Return advice, the newest audit's first, in the order in which it is to be run."""
        wanted = {"status": status, "target": target, "audit_id": audit_id}
        given = {name: value for name, value in wanted.items() if value is not None}
        return self._all(_ordered().filter_by(**given))

    def pending(self, target: str) -> tuple[Optimization, ...]:
        """Return what is open for a target: proposed, or accepted and not applied yet."""
        return self._all(_ordered().where(OptimizationRow.target == target, PENDING))

    def decide(
        self, identifier: UUID | str, status: Status, reason: str | None = None
    ) -> Optimization:
        """Take advice to another status and return it; raise `NotFound` or `StatusRefused`."""
        row = self._row(identifier, lock=True)
        wanted = checked_transition(row.status, status)
        if wanted == "accepted":
            self._refuse_twin(row)
        row.status, row.status_reason = wanted, reason
        setattr(row, _MOMENTS[status], func.clock_timestamp())
        self._session.flush()
        self._session.refresh(row)
        return _optimization(row)

    def similar(
        self,
        features: str,
        embedding: Embedding | None = None,
        k: int = 5,
        *,
        exclude: Collection[UUID] = (),
    ) -> tuple[Scored, ...]:
        """Return up to `k` pieces of advice given for statements like this, the likest first.

        Two rankings fused: by the vectors of the same model, and by the words of the features.
        """
        others = OptimizationRow.id.not_in(exclude)
        rankings = [self._ids(_worded(features, others))]
        if embedding is not None:
            rankings.insert(0, self._ids(_near(embedding, others)))
        best = dict(islice(fuse(*rankings).items(), k))
        return self._scored(best, embedding)

    def _scored(self, scores: dict[UUID, float], embedding: Embedding | None) -> tuple[Scored, ...]:
        found = select(OptimizationRow, _similarity(embedding).label("similarity"))
        rows = self._session.execute(found.where(OptimizationRow.id.in_(scores)))
        scored = {
            row.id: Scored(_optimization(row), cosine, scores[row.id]) for row, cosine in rows
        }
        return tuple(scored[identifier] for identifier in scores)

    def _all(self, wanted: Select[OptimizationRow]) -> tuple[Optimization, ...]:
        return tuple(map(_optimization, self._session.scalars(wanted)))

    def _ids(self, wanted: Select[UUID]) -> Sequence[UUID]:
        return self._session.scalars(wanted.limit(_DEPTH)).all()

    def _row(self, identifier: UUID | str, *, lock: bool = False) -> OptimizationRow:
        first, last = _span(identifier)
        meant = select(OptimizationRow).where(OptimizationRow.id.between(first, last)).limit(2)
        wanted = meant.with_for_update() if lock else meant
        rows = self._session.scalars(wanted, execution_options=_FRESH).all()
        if len(rows) == 1:
            return rows[0]
        trouble = "more than one recommendation has" if rows else "no recommendation has"
        raise NotFound(f"{trouble} the id {identifier}: see `agentdb recommendations list`")

    def _refuse_twin(self, row: OptimizationRow) -> None:
        twins = select(OptimizationRow.id).where(
            OptimizationRow.target == row.target,
            OptimizationRow.identity == row.identity,
            OptimizationRow.id != row.id,
            PENDING,
        )
        twin = self._session.scalars(twins).first()
        if twin is not None:
            raise StatusRefused(f"the same recommendation is open as {twin}: accept that one")


def identity(kind: Kind, definition: str) -> str:
    """Return a digest that two pieces of advice share when they ask for the same."""
    return sha256(f"{kind} {definition}".encode()).hexdigest()


def _values(new: NewOptimization) -> dict[str, object]:
    shared = {field.name: getattr(new, field.name) for field in fields(Advice)}
    embedding = new.embedding
    return {
        **shared,
        "identity": identity(new.kind, new.definition),
        "statements": [asdict(statement) for statement in new.statements],
        "embedding_model": embedding and embedding.model,
        "embedding": embedding and embedding.vector,
    }


def _optimization(row: OptimizationRow) -> Optimization:
    values = {field.name: getattr(row, field.name) for field in fields(Optimization)}
    statements = tuple(StatementEffect(**statement) for statement in values["statements"])
    return Optimization(**{**values, "statements": statements})


def _ordered() -> Select[OptimizationRow]:
    audit = select(AuditRow.started_at).where(AuditRow.id == OptimizationRow.audit_id)
    newest = audit.scalar_subquery().desc().nulls_last()
    return select(OptimizationRow).order_by(newest, OptimizationRow.position, OptimizationRow.id)


def _span(identifier: UUID | str) -> tuple[UUID, UUID]:
    """Return the smallest and the largest id that begin so."""
    digits = str(identifier).strip().lower().replace("-", "")
    if not _PREFIX.fullmatch(digits):
        raise NotFound(
            f"{identifier} is no id, which has {_SHORTEST} or more of 0-9 and a-f: "
            "see `agentdb recommendations list`"
        )
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def _near(embedding: Embedding, *filters: ColumnElement[bool]) -> Select[UUID]:
    same_model = OptimizationRow.embedding_model == embedding.model
    return nearest(
        OptimizationRow.id, OptimizationRow.embedding, embedding.vector, same_model, *filters
    )


def _worded(features: str, *filters: ColumnElement[bool]) -> Select[UUID]:
    return matching(OptimizationRow.id, OptimizationRow.words, features, *filters)


def _similarity(embedding: Embedding | None) -> ColumnElement[float | None]:
    if embedding is None:
        return cast(null(), Double)
    same_model = OptimizationRow.embedding_model == embedding.model
    cosine = similarity(OptimizationRow.embedding, embedding.vector)
    return case((same_model, cosine))
