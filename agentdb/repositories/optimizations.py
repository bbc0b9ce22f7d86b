"""The record of advice: kept, decided on, and found again by what it was given for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from hashlib import sha256
from itertools import islice
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    ScalarSelect,
    Select,
    case,
    cast,
    distinct,
    func,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session, aliased

from agentdb.errors import NotFound, StatusRefused
from agentdb.models.audit import AuditRow, StatementRow
from agentdb.models.optimization import (
    PENDING,
    VERDICTS,
    Actor,
    Kind,
    OptimizationEventRow,
    OptimizationRow,
    Status,
)
from agentdb.repositories.advice import (
    IN_PLACE,
    Advice,
    Applied,
    Embedding,
    Event,
    Measurement,
    NewOptimization,
    Optimization,
    Scored,
    StatementEffect,
    TurnedDown,
    checked_transition,
)
from agentdb.search.fusion import fuse
from agentdb.search.statements import matching, nearest, similarity

_DEPTH = 50  # of each ranking, before they are fused
_SHORTEST = 6
_PREFIX = re.compile(f"[0-9a-f]{{{_SHORTEST},32}}")
_FRESH = {"populate_existing": True}  # what the session has seen before may be out of date
_LASTING = ("target", "identity", "definition")  # what makes an open one the same
_MOMENTS: Mapping[Status, str] = {
    "accepted": "decided_at",
    "rejected": "decided_at",
    "applied": "applied_at",
    "confirmed": "measured_at",
    "neutral": "measured_at",
    "regressed": "measured_at",
    "not_enough_data": "measured_at",
}
_UNHELPFUL = ("neutral", "regressed")
_MEASURED = tuple(f.name for f in fields(Measurement) if f.name.startswith("saved_"))


class OptimizationRepository:
    """The record of advice, in the caller's session: never committed here."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, new: NewOptimization, *, by: Actor = "audit") -> Optimization:
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
        row = self._session.scalars(merged, execution_options=_FRESH).one()
        if not self._has_begun(row):
            self._tell(row.id, None, "proposed", None, by)
        return _optimization(row)

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
        self,
        identifier: UUID | str,
        status: Status,
        reason: str | None = None,
        *,
        by: Actor = "user",
        at: datetime | None = None,
    ) -> Optimization:
        """Take advice to another status and return it; raise `NotFound` or `StatusRefused`.

        A rejection needs a reason. `at` is when, if not now.
        """
        row = self._row(identifier, lock=True)
        if status == "rejected" and not (reason and reason.strip()):
            raise StatusRefused("a rejection needs a reason: it is what is remembered")
        entered = self._enter(row, status, reason, by, at)
        if status == "applied":
            row.applied_how, row.applied_after = "told", None
        if status in _MOMENTS:
            setattr(row, _MOMENTS[status], entered)
        if status in VERDICTS:
            row.verdict = status
        return self._kept(row)

    def find_applied(
        self, identifier: UUID | str, found: Applied, why: str, *, at: datetime | None = None
    ) -> Optimization:
        """Keep that advice was applied, as the catalog or a merged migration shows.

        Of what was applied already, by somebody's word, the moment is put right. `at` is when that
        was noticed, if not now.
        """
        row = self._row(identifier, lock=True)
        if row.status not in IN_PLACE:
            by: Actor = "delivery" if found.how == "merged" else "catalog"
            self._enter(row, "applied", why, by, at)
            row.applied_how = found.how
        row.applied_after, row.applied_at = found.after, found.at
        return self._kept(row)

    def measure(
        self, identifier: UUID | str, found: Measurement, *, at: datetime | None = None
    ) -> Optimization:
        """Keep what applied advice did; the same verdict again only brings new figures."""
        row = self._row(identifier, lock=True)
        if row.status != found.verdict:
            self._enter(row, found.verdict, found.why, "measurement", at)
        row.status_reason, row.verdict, row.verdict_detail = found.why, found.verdict, found.detail
        row.measured_gain_percent = found.gain_percent
        row.measured_gain_low_percent = found.gain_low_percent
        row.measured_gain_high_percent = found.gain_high_percent
        for name in _MEASURED:
            setattr(row, name, getattr(found, name))
        row.measured_at = at or func.clock_timestamp()
        return self._kept(row)

    def note(
        self,
        identifier: UUID | str,
        why: str,
        *,
        by: Actor = "catalog",
        at: datetime | None = None,
    ) -> Optimization:
        """Keep something about advice that does not change its status; the same only once."""
        row = self._row(identifier, lock=True)
        if row.status_reason != why:
            row.status_reason = why
            self._tell(row.id, row.status, row.status, why, by, at)
        return self._kept(row)

    def supersede(self, target: str, patience: int) -> int:
        """Close what `patience` audits have left out since it was proposed; return how much.

        Those count that tried ideas and saw a statement which the advice is for: where counters
        were reset, an audit tells nothing of it. Advice that no audit gave, the way back from
        other advice, stays.
        """
        old = select(OptimizationRow).where(
            OptimizationRow.target == target,
            OptimizationRow.status == "proposed",
            _times_left_out() >= patience,
        )
        rows = self._session.scalars(old.with_for_update(), execution_options=_FRESH).all()
        for row in rows:
            self._enter(row, "superseded", "newer audits do not propose it any more", "audit")
        self._session.flush()
        return len(rows)

    def events(self, identifier: UUID | str) -> tuple[Event, ...]:
        """Return the life of advice, from its first day on; raise `NotFound`."""
        told = select(OptimizationEventRow).filter_by(optimization_id=self._row(identifier).id)
        rows = self._session.scalars(told.order_by(OptimizationEventRow.id))
        return tuple(Event(r.at, r.from_status, r.to_status, r.why, r.by) for r in rows)

    def measured(self) -> tuple[Optimization, ...]:
        """Return the indexes that were made and judged, on all targets, also if taken back."""
        judged = OptimizationRow.verdict.in_(("confirmed", "neutral", "regressed"))
        return self._all(_ordered().where(OptimizationRow.kind == "create_index", judged))

    def turned_down(self, target: str) -> tuple[TurnedDown, ...]:
        """Return what is not wanted on a target, once for each definition, as of its last time.

        That is what was rejected, and what was taken back after it had been measured and had
        not helped.
        """
        refused = OptimizationRow.status == "rejected"
        useless = (OptimizationRow.status == "reverted") & OptimizationRow.verdict.in_(_UNHELPFUL)
        changed = _last_change()
        unwanted = select(OptimizationRow, changed).where(
            OptimizationRow.target == target,
            OptimizationRow.kind == "create_index",
            refused | useless,
        )
        newest = unwanted.ext(distinct_on(OptimizationRow.definition))
        rows = self._session.execute(newest.order_by(OptimizationRow.definition, changed.desc()))
        return tuple(_turned_down(row, at) for row, at in rows)

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

    def _enter(
        self,
        row: OptimizationRow,
        status: Status,
        why: str | None,
        by: Actor,
        at: datetime | None = None,
    ) -> datetime:
        """Take a row to another status, tell it, and return when that was."""
        wanted = checked_transition(row.status, status)
        if wanted == "accepted":
            self._refuse_twin(row)
        told = self._tell(row.id, row.status, wanted, why, by, at)
        row.status, row.status_reason = wanted, why
        if wanted == "applied":  # anew: what was measured then counts no more
            row.verdict = row.measured_at = None
        return told

    def _tell(
        self,
        identifier: UUID,
        before: Status | None,
        after: Status,
        why: str | None,
        by: Actor,
        at: datetime | None = None,
    ) -> datetime:
        """Write a line of a life, never before the last one; return its moment."""
        last = select(func.max(OptimizationEventRow.at)).filter_by(optimization_id=identifier)
        moment = func.greatest(last.scalar_subquery(), at or func.clock_timestamp())
        line = insert(OptimizationEventRow).values(
            optimization_id=identifier,
            at=moment,
            from_status=before,
            to_status=after,
            why=why,
            by=by,
        )
        return self._session.scalars(line.returning(OptimizationEventRow.at)).one()

    def _has_begun(self, row: OptimizationRow) -> bool:
        told = select(OptimizationEventRow.id).filter_by(optimization_id=row.id).limit(1)
        return self._session.scalar(told) is not None

    def _kept(self, row: OptimizationRow) -> Optimization:
        self._session.flush()
        self._session.refresh(row)
        return _optimization(row)

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


def _times_left_out() -> ScalarSelect[int]:
    """Return how many audits came after that of a row and could have proposed it again."""
    proposer = aliased(AuditRow)
    seen = func.jsonb_build_array(func.jsonb_build_object("fingerprint", StatementRow.fingerprint))
    return (
        select(func.count(distinct(AuditRow.id)))
        .join(StatementRow, StatementRow.audit_id == AuditRow.id)
        .join(proposer, proposer.id == OptimizationRow.audit_id)
        .where(
            AuditRow.target == OptimizationRow.target,
            AuditRow.status == "finished",
            AuditRow.started_at > proposer.started_at,
            AuditRow.settings["trial"].as_string().is_distinct_from("none"),
            OptimizationRow.statements.contains(seen),
        )
        .correlate(OptimizationRow)
        .scalar_subquery()
    )


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


def _last_change() -> ScalarSelect[datetime]:
    """When advice came to the status it has."""
    event = OptimizationEventRow
    came = select(func.max(event.at)).where(
        event.optimization_id == OptimizationRow.id,
        event.to_status == OptimizationRow.status,
        event.from_status.is_distinct_from(event.to_status),
    )
    return came.scalar_subquery()


def _turned_down(row: OptimizationRow, at: datetime) -> TurnedDown:
    detail = row.evidence_detail
    share = detail.get("saved_share") if isinstance(detail, Mapping) else None
    known = float(share) if isinstance(share, int | float) else None
    is_refused = row.status == "rejected"
    why = row.status_reason or "" if is_refused else f"{row.verdict} when measured"
    return TurnedDown(row.definition, is_refused, at, why, known)


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
