"""Whose vectors are kept: one model's at a time, as only vectors of one model compare.

Those of another model are filled in beside them, while everybody goes on reading and writing, and
take over in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    FromClause,
    Function,
    LargeBinary,
    Select,
    TableClause,
    Text,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from agentdb.documents.splitting import under_headings
from agentdb.embedding.embedder import Embedder, Vectors, version_of
from agentdb.errors import DimensionMismatch, NotFound, SpaceMismatch
from agentdb.models import packed
from agentdb.models.base import SCHEMA, Json
from agentdb.models.entry import EntryRow, SpaceRow
from agentdb.models.packed import PackedArray
from agentdb.models.vector import DIMENSION, HalfVectorType
from agentdb.repositories.bulk import halfvec_number

_NEAREST = 10
_SAYS = func.btrim(EntryRow.content) != ""  # an item may say nothing: it has no vector
# Not what is kept as its hash: that of an item is of its key, and stays when its text changes.
_HASH = func.sha256(func.convert_to(EntryRow.content, literal_column("'UTF8'")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A model whose vectors are kept; `retired_at` is when another one took its place."""

    id: int
    model: str
    dimension: int
    version: str
    is_current: bool
    indexed: bool
    created_at: datetime
    retired_at: datetime | None

    @property
    def column(self) -> str:
        """Where its vectors are."""
        return "embedding" if self.is_current else f"embedding_{self.id}"

    @property
    def name(self) -> str:
        """What it is called in a message."""
        return self.model or "of the caller"

    def is_of(self, embedder: Embedder) -> bool:
        """Whether its vectors are those of an embedder."""
        same = (self.model, self.dimension) == (embedder.name, embedder.dimension)
        return same and self.version in ("", version_of(embedder))


@dataclass(frozen=True, slots=True)
class Unembedded:
    """An entry without a vector in a space; `text` is what the vector is to be of.

    `hash` tells whether its content is still the same.
    """

    id: int
    hash: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """How alike two spaces find: the share of the ten nearest that both have, over a sample."""

    sample: int
    share: float


def require_space(
    session: Session, embedder: Embedder | None, dimension: int, *, keep: bool = True
) -> None:
    """Make sure that what is kept and what is compared are vectors of one model.

    The first to `keep` a vector says which. A search does not: it may be read-only. Of vectors
    that a caller has, only the dimension is known. Raises `SpaceMismatch`, `DimensionMismatch`.
    """
    current = select(SpaceRow.model, SpaceRow.dimension, SpaceRow.version).where(
        SpaceRow.is_current
    )
    space = session.execute(current).one_or_none()
    if space is None and embedder is not None and keep:
        _require_column(embedder.name, dimension, DIMENSION)
        session.execute(insert(SpaceRow).values(_values(embedder)).on_conflict_do_nothing())
        space = session.execute(current).one_or_none()
    if space is None:
        _require_column("of the caller", dimension, DIMENSION)
        return
    if embedder is not None:
        require_model(embedder, space.model, space.version)
    _require_column(embedder.name if embedder else "of the caller", dimension, space.dimension)


def kept_width(session: Session) -> int:
    """Return how many numbers each vector has that is kept, or will have."""
    current = select(SpaceRow.dimension).where(SpaceRow.is_current)
    return session.scalar(current) or DIMENSION


def require_width(given: int, held: int) -> None:
    """Raise `DimensionMismatch` unless a caller's vector has as many numbers as those kept."""
    _require_column("of the caller", given, held)


def require_model(embedder: Embedder, model: str, version: str) -> None:
    """Raise `SpaceMismatch` unless an embedder is of the model and version that is kept."""
    if embedder.name != model:
        raise SpaceMismatch(
            f"the vectors kept are of the model {model or 'of the caller'}, not of "
            f"{embedder.name}: set AGENTDB_EMBEDDING_MODEL={model}, or change over with "
            f"agentdb reembed --model {embedder.name}"
        )
    now = version_of(embedder)
    if version and now and version != now:
        raise SpaceMismatch(
            f"the vectors kept are of {model} in its version {version}, not {now}: change over "
            f"with agentdb reembed --model {model}"
        )


def _require_column(model: str, given: int, held: int) -> None:
    if given != held:
        raise DimensionMismatch(
            f"The model {model} gives {given} numbers a text, the vectors kept have {held}: set "
            "AGENTDB_EMBEDDING_MODEL to the model of before, or change over with agentdb reembed."
        )


def require_dimension(embedder: Embedder, given: int) -> None:
    """Raise `DimensionMismatch` unless a vector has as many numbers as its model gives."""
    if given != embedder.dimension:
        raise DimensionMismatch(
            f"The model {embedder.name} gives {embedder.dimension} numbers a text, not {given}: "
            "give one that is of the model."
        )


def _values(embedder: Embedder) -> dict[str, object]:
    version = version_of(embedder)
    return {"model": embedder.name, "dimension": embedder.dimension, "version": version}


class SpaceRepository:
    """The models whose vectors are kept, in the caller's session: never committed here.

    It is about all tenants at once: the role has to see all of them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> tuple[Space, ...]:
        """Return the spaces, the oldest first."""
        rows = self._session.execute(select(SpaceRow.__table__).order_by(SpaceRow.id)).mappings()
        return tuple(Space(**row) for row in rows)

    def current(self) -> Space | None:
        """Return the space that is written and searched; None before the first vector."""
        return next((space for space in self.all() if space.is_current), None)

    def filling(self) -> Space | None:
        """Return the space that is being filled and was never current."""
        others = (s for s in self.all() if not s.is_current and s.retired_at is None)
        return next(others, None)

    def previous(self) -> Space | None:
        """Return the space that was current before, if its vectors are still there."""
        retired = [space for space in self.all() if space.retired_at is not None]
        return max(retired, key=lambda space: space.retired_at or space.created_at, default=None)

    def open(self, embedder: Embedder) -> Space:
        """Return the space of a model that is to be filled, with room made for it if it is new."""
        for space in self.all():
            if space.is_of(embedder) and not space.is_current:
                return space
        version = version_of(embedder)
        opened = func.agentdb.open_space(embedder.name, embedder.dimension, version)
        return self._get(self._session.scalar(select(opened)))

    def missing(self, space: Space) -> int:
        """Return how many entries have no vector in a space."""
        missing = select(func.count()).select_from(EntryRow)
        return self._session.scalar(missing.where(_literal(space).is_(None), _SAYS)) or 0

    def last_entry(self) -> int:
        """Return the highest id of an entry; 0 if there is none."""
        return self._session.scalar(select(func.max(EntryRow.id))) or 0

    def unembedded(self, space: Space, after: int, most: int) -> tuple[Unembedded, ...]:
        """Return up to `most` entries without a vector in a space, by id, behind `after`."""
        wanted = select(
            EntryRow.id,
            _HASH,
            EntryRow.kind,
            EntryRow.content,
            EntryRow.metadata_,
        ).where(_literal(space).is_(None), _SAYS, EntryRow.id > after)
        return tuple(
            Unembedded(id_, digest, _text(kind, content, metadata))
            for id_, digest, kind, content, metadata in self._session.execute(
                wanted.order_by(EntryRow.id).limit(most)
            )
        )

    def fill(self, space: Space, entries: Sequence[Unembedded], vectors: Vectors) -> int:
        """Keep vectors in a space, of entries that are as they were; return of how many.

        One that somebody else holds at this moment is left for later: nobody waits for it.
        """
        given = _given()
        free = (
            select(EntryRow.id, given.c.embedding)
            .join(given, given.c.id == EntryRow.id)
            .where(given.c.content_hash == _HASH, _literal(space).is_(None))
            .with_for_update(skip_locked=True, of=EntryRow)
            .cte("free")
        )
        entry = _entries(space.column)
        filled = update(entry).values({space.column: free.c.embedding})
        arrays = {
            "ids": packed.whole_numbers([each.id for each in entries]),
            "hashes": packed.blobs([each.hash for each in entries]),
            "vectors": packed.halfvecs(list(vectors), halfvec_number(self._session)),
        }
        done = self._session.execute(
            filled.where(entry.c.id == free.c.id).returning(entry.c.id), arrays
        )
        return len(done.all())

    def overlap(self, space: Space, sample: int) -> Overlap | None:
        """Compare what the current space and another find: the ten nearest, one by one.

        Asked are entries by their own vectors, among those of their tenant and namespace. None
        where there is nothing to compare.
        """
        current = self.current()
        if current is None:
            return None
        self._set("off")  # one by one, not by what an index has
        nearest = self._session.execute(_both_nearest(current, space, sample)).all()
        self._set("on")
        shares = [len({*one} & {*other}) / len(one) for one, other in nearest if one]
        return Overlap(len(shares), sum(shares) / len(shares)) if shares else None

    def hold(self, *, wait_milliseconds: int) -> bool:
        """Let nobody write entries until the transaction ends; return whether that is so.

        Not where somebody has them for longer than that. It holds for `switch` too.
        """
        wait = func.set_config("lock_timeout", f"{wait_milliseconds}ms", true())
        self._session.execute(select(wait))
        return self._took(func.agentdb.hold_entries())

    def switch(self, space: Space) -> bool:
        """Let a space be the one that is written and searched; the other one stays beside it.

        Returns whether that is done: not where an entry has no vector there yet, or where the
        table is not free.
        """
        return self._took(func.agentdb.switch_space(space.id))

    def drop(self, space: Space) -> None:
        """Forget the vectors of a space that is not the current one."""
        self._session.execute(select(func.agentdb.drop_space(space.id)))

    def mark_indexed(self, *, indexed: bool) -> None:
        """Keep that the current vectors are to have an index, also if it is gone for a while."""
        marked = update(SpaceRow).where(SpaceRow.is_current).values(indexed=indexed)
        self._session.execute(marked)

    def _took(self, call: Function[Any]) -> bool:
        try:
            with self._session.begin_nested():
                return self._session.scalar(select(call)) is not False
        except OperationalError as error:
            if isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                return False
            raise

    def _set(self, state: Literal["on", "off"]) -> None:
        setting = func.set_config("enable_indexscan", state, true())  # for this transaction
        self._session.execute(select(setting))

    def _get(self, identifier: int | None) -> Space:
        for space in self.all():
            if space.id == identifier:
                return space
        raise NotFound(f"no embedding space has the number {identifier}")


def _text(kind: str, content: str, metadata: Json) -> str:
    """Return what the vector of an entry is of: for a chunk, its headings come first."""
    known = metadata if kind == "chunk" and isinstance(metadata, Mapping) else {}
    headings = known.get("headings")
    return under_headings(headings, content) if isinstance(headings, list) else content


def _entries(*columns: str) -> TableClause:
    """Return the table of entries, with columns of vectors that its model does not know."""
    known: list[ColumnClause[Any]] = [
        column("id", BigInteger()),
        column("tenant", Text()),
        column("namespace", Text()),
        *(column(each, HalfVectorType()) for each in columns),
    ]
    return table("entries", *known, schema=SCHEMA)


def _literal(space: Space) -> ColumnClause[Any]:
    """Return the column of a space in `entries`, which the table's model does not know."""
    return literal_column(f"{SCHEMA}.entries.{space.column}", HalfVectorType())


def _given() -> FromClause:
    arrays = (
        bindparam("ids", type_=PackedArray("BIGINT")),
        bindparam("hashes", type_=PackedArray("BYTEA")),
        bindparam("vectors", type_=PackedArray("HALFVEC")),
    )
    columns = (
        column("id", BigInteger()),
        column("content_hash", LargeBinary()),
        column("embedding", HalfVectorType()),
    )
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()


def _both_nearest(one: Space, other: Space, sample: int) -> Select[Sequence[int], Sequence[int]]:
    """Select for each of a sample the ids that are nearest to it in one space and in another."""
    asked = _entries(one.column, other.column).alias("asked")
    known = and_(*(asked.c[each.column].is_not(None) for each in (one, other)))
    some = func.md5(asked.c.id.cast(Text()))  # any, but the same ones each time
    near = _nearest(asked, one.column), _nearest(asked, other.column)
    return select(*near).where(known).order_by(some).limit(sample)


def _nearest(asked: FromClause, name: str) -> ColumnElement[Sequence[int]]:
    entry = _entries(name).alias("entry")
    others = select(entry.c.id).where(
        entry.c.tenant == asked.c.tenant,
        entry.c.namespace == asked.c.namespace,
        entry.c.id != asked.c.id,
        entry.c[name].is_not(None),
    )
    distance = entry.c[name].op("<=>")(asked.c[name])
    ids = others.order_by(distance).limit(_NEAREST).correlate(asked).scalar_subquery()
    return func.array(ids, type_=ARRAY(BigInteger))
