"""What is kept under a key, one value each: put again, it takes the place of the one before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVarTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    case,
    cast,
    collate,
    column,
    delete,
    func,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import JSONPATH, Insert, aggregate_order_by, insert
from sqlalchemy.orm import Session

from agentdb.embedding.cached import canonical, content_hash
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import BadInput
from agentdb.models.base import Json
from agentdb.models.entry import EntryRow, Kind
from agentdb.repositories.bulk import changing
from agentdb.repositories.checks import checked_name, plain
from agentdb.repositories.memories import (
    LONGEST_SUBJECT,
    MOST,
    MemoryRepository,
    bound,
    directed,
    of_one_model,
    refuse_bad,
    refuse_bad_query,
)
from agentdb.repositories.memory import DEFAULT_TENANT, Found, NewMemory
from agentdb.repositories.tenancy import Tenanted
from agentdb.search.filters import Filter, compile_filter, storable

Read = TypeVarTuple("Read")

_LONGEST_KEY = LONGEST_SUBJECT  # with a tenant and a namespace it has to fit a page of an index
_BATCH = 500
_NOTHING = " "  # is no word, and stands where there is no text
_UNTRACKED = {"synchronize_session": False}

_ITEM = (
    EntryRow.id,
    EntryRow.subject.label("key"),
    EntryRow.content,
    EntryRow.metadata_.label("metadata"),
    EntryRow.created_at,
    EntryRow.valid_from.label("updated_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewItem:
    """Something to be kept under a key; it is found by `content`, which may be empty.

    `vector` is that of the content; `ttl` is how long it is kept.
    """

    key: str = field(kw_only=False)
    content: str = field(kw_only=False)
    metadata: Mapping[str, object] = field(default_factory=dict)
    ttl: timedelta | None = None
    vector: Vector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something kept; `score` orders what one search found, None where nothing was ranked."""

    id: int
    key: str
    content: str
    metadata: Mapping[str, Json]
    created_at: datetime
    updated_at: datetime
    score: float | None = None


class ItemRepository(Tenanted):
    """Values by key, of one kind, in the caller's session: never committed here.

    They are entries, the key as their subject: searched as memories are, and beside them. All
    belongs to one tenant and one namespace. What has expired is not found.
    """

    def __init__(
        self,
        session: Session,
        embedder: Embedder | None = None,
        *,
        kind: Kind = "item",
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        self._session = session
        self._embedder = embedder
        self._kind = kind
        self._tenant = checked_name(tenant, "a tenant")
        self._namespace = plain(namespace, "a namespace")
        self._memories = MemoryRepository(session, embedder, tenant=tenant, namespace=namespace)

    def put_many(self, items: Sequence[NewItem]) -> None:
        """Keep values under their keys, all or none; of one key in it twice the last counts.

        What has no vector and some text is embedded before anything is sent. Raises `BadInput`,
        `BadMetadata`, `SpaceMismatch`, `DimensionMismatch`.
        """
        last = {item.key: _checked(item) for item in items}
        ready = embedded([last[key] for key in sorted(last)], self._embedder)  # no deadlocks
        vectors = directed(self._memories, [item.vector for item in ready])
        ready = [replace(item, vector=v) for item, v in zip(ready, vectors, strict=True)]
        with of_one_model(self._memories, vectors):
            for start in range(0, len(ready), _BATCH):
                rows = [self._row(item) for item in ready[start : start + _BATCH]]
                self._session.execute(_upsert(rows), execution_options=_UNTRACKED)

    def get_many(self, keys: Collection[str]) -> dict[str, Item]:
        """Return what is kept under these keys, by key; what is not there is left out."""
        if not keys:
            return {}
        found = self._listed(_among(keys)).order_by(EntryRow.valid_from)
        return {row.key: _item(row._asdict()) for row in self._session.execute(found)}

    def find(
        self,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        limit: int = 10,
        offset: int = 0,
        *,
        but: Collection[str] = (),
    ) -> tuple[Item, ...]:
        """Return what meets a filter on metadata, but for some keys; what is newest comes first."""
        meant = [] if not but else [EntryRow.subject != func.all(_keys(but))]
        listed = self._listed(*meant, *_meeting(filter))
        newest = listed.order_by(EntryRow.valid_from.desc(), EntryRow.id.desc())
        rows = self._session.execute(_page(newest, limit, offset))
        return tuple(_item(row._asdict()) for row in rows)

    def search(
        self,
        query: str | None,
        k: int = 10,
        *,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        vector: Vector | None = None,
    ) -> tuple[Item, ...]:
        """Return the `k` items that answer a text best, a vector, or both; or as many as there are.

        Without a text only vectors are compared, and the score is their cosine; without a vector
        it is that of the text, if there is an embedder. Raises `BadText`, `BadFilter`,
        `BadInput`, `SpaceMismatch`.
        """
        if not 1 <= k <= MOST:
            raise BadInput(f"a search finds 1 to {MOST:,} items, not {k:,}")
        if query is None and vector is None:
            raise BadInput("a search needs a text or a vector: give one of them")
        if query is not None:
            refuse_bad_query(query)
        found = self._memories.search(query, k, kinds=[self._kind], filter=filter, vector=vector)
        return tuple(map(_scored, found))

    def vectors(self, identifiers: Collection[int]) -> dict[int, Vector]:
        """Return the vectors of items, by their ids; an item without one is left out."""
        kept = select(EntryRow.id, EntryRow.embedding).where(
            *self._own(), EntryRow.id == func.any(list(identifiers))
        )
        rows = self._session.execute(kept)
        return {row.id: row.embedding for row in rows if row.embedding is not None}

    def extend(self, ttl: timedelta, keys: Collection[str]) -> None:
        """Let what expires, under these keys, be kept for so long from now on."""
        expiring = (*self._own(), _among(keys), EntryRow.expires_at.is_not(None))
        later = update(EntryRow).where(*expiring).values(expires_at=func.clock_timestamp() + ttl)
        self._session.execute(later, execution_options=_UNTRACKED)

    def forget_many(self, keys: Collection[str]) -> int:
        """Delete what is kept under these keys; return how many that were."""
        if not keys:
            return 0
        return self._forget(_among(keys))

    def clear(self) -> int:
        """Delete everything of this kind in the namespace; return how much that was."""
        return self._forget()

    def sweep(self) -> int:
        """Delete what has expired; return how many that were."""
        return self._forget(~_HOLDS)

    def _forget(self, *meant: ColumnElement[bool]) -> int:
        gone = delete(EntryRow).where(*self._own(), *meant).returning(EntryRow.id)
        return len(self._session.scalars(gone, execution_options=_UNTRACKED).all())

    def lists(
        self,
        name: str,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        limit: int = 100,
        offset: int = 0,
        *,
        depth: int | None = None,
    ) -> tuple[tuple[str, ...], ...]:
        """Return the different lists of texts that metadata have under a name, cut to a depth."""
        kept = select(EntryRow.metadata_[plain(name, "a name")].label("texts")).where(
            *self._own(), _HOLDS, *_meeting(filter)
        )
        different = kept.distinct().subquery("different")
        texts_of = func.jsonb_array_elements_text(different.c.texts).table_valued(
            column("text", Text), with_ordinality="place", name="each"
        )
        each = texts_of.render_derived()
        # By code point, as programs compare texts, and not as the database's language would.
        text = collate(each.c.text, "C")
        texts = select(func.array_agg(aggregate_order_by(text, each.c.place)))
        if depth is not None:
            texts = texts.where(each.c.place <= depth)
        cut = select(type_coerce(texts.scalar_subquery(), ARRAY(Text)).label("texts"))
        ordered = cut.select_from(different).distinct().order_by("texts")
        rows = self._session.scalars(_page(ordered, limit, offset))
        return tuple(tuple(row) for row in rows)

    # How it is kept ---------------------------------------------------------------------------

    def _row(self, item: NewItem) -> dict[str, object]:
        return {
            "tenant": self._tenant,
            "namespace": self._namespace,
            "kind": self._kind,
            "subject": item.key,
            "content": item.content,
            # Of the key, not of the text: so the unique index holds one value a key.
            "content_hash": bytes.fromhex(content_hash(f"{self._kind}\x00{item.key}")),
            "metadata_": item.metadata,
            "embedding": bound(item.vector),
            # One moment for both: what is new was made when it was last put.
            "created_at": func.statement_timestamp(),
            "valid_from": func.statement_timestamp(),
            "expires_at": None if item.ttl is None else func.clock_timestamp() + item.ttl,
        }

    def _own(self) -> tuple[ColumnElement[bool], ...]:
        return (
            EntryRow.tenant == self._tenant,
            EntryRow.namespace == self._namespace,
            EntryRow.kind == self._kind,
        )

    def _listed(self, *meant: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
        return select(*_ITEM).where(*self._own(), _HOLDS, *meant)


_HOLDS = EntryRow.expires_at.is_(None) | (EntryRow.expires_at > func.clock_timestamp())


def embedded(items: Sequence[NewItem], embedder: Embedder | None) -> list[NewItem]:
    """Return the items with the vectors of their texts, for a caller who embeds beforehand."""
    missing = [each.content for each in items if each.vector is None and each.content.strip()]
    vectors = iter(embedder.embed(missing) if embedder and missing else ())
    return [
        replace(each, vector=next(vectors, None))
        if each.vector is None and each.content.strip()
        else each
        for each in items
    ]


def _checked(item: NewItem) -> NewItem:
    """Return the item as it is kept; raise what cannot be, before anything is sent."""
    checked_name(item.key, "a key", _LONGEST_KEY)
    content = item.content if item.content.strip() else _NOTHING
    ttl = item.ttl
    if content == _NOTHING:
        refuse_bad(NewMemory(item.key[:1], ttl=ttl))
        return replace(item, content=content, metadata=storable(item.metadata), vector=None)
    refuse_bad(NewMemory(content, ttl=ttl))
    return replace(item, content=canonical(content), metadata=storable(item.metadata))


def _among(keys: Collection[str]) -> ColumnElement[bool]:
    return EntryRow.subject == func.any(_keys(keys))


def _keys(keys: Collection[str]) -> list[str]:
    return [plain(key, "a key", _LONGEST_KEY) for key in keys]


def _upsert(rows: Sequence[Mapping[str, object]]) -> Insert:
    made = insert(EntryRow).values(list(rows))
    expired = EntryRow.expires_at <= func.clock_timestamp()
    return changing(
        made,
        {
            "content": made.excluded.content,
            "metadata": made.excluded.metadata,
            "embedding": made.excluded.embedding,
            "valid_from": made.excluded.valid_from,
            "expires_at": made.excluded.expires_at,
            # What had expired was no longer there: this one is new.
            "created_at": case((expired, made.excluded.created_at), else_=EntryRow.created_at),
        },
    )


def _meeting(wanted: Filter | None) -> list[ColumnElement[bool]]:
    path = compile_filter(wanted)
    return [] if path is None else [EntryRow.metadata_.op("@@")(cast(path, JSONPATH))]


def _page(ordered: Select[*Read], limit: int, offset: int) -> Select[*Read]:
    if limit < 0 or offset < 0:
        raise BadInput(f"a page has no {limit:,} rows after {offset:,}: give 0 or more")
    return ordered.limit(limit).offset(offset)


def _item(row: Mapping[str, Any]) -> Item:
    return Item(**{**row, "content": row["content"].removeprefix(_NOTHING)})


def _scored(found: Found) -> Item:
    kept = found.memory
    return _item(
        {
            "id": kept.id,
            "key": kept.subject,
            "content": kept.content,
            "metadata": kept.metadata,
            "created_at": kept.created_at,
            "updated_at": kept.valid_from,
            "score": found.score,
        }
    )
