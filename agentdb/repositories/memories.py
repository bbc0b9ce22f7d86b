"""An agent's memory: kept, corrected, searched and forgotten in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, get_args

import numpy as np
from pgvector import HalfVector as HalfWire
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    cast,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from agentdb.embedding.cached import canonical, content_hash
from agentdb.embedding.embedder import Embedder, Vector, fitting
from agentdb.embedding.reranker import Reranker
from agentdb.errors import BadInput, BadText, NotFound, SpaceMismatch
from agentdb.models.base import Json
from agentdb.models.entry import EntryRow, Kind, SpaceRow
from agentdb.repositories.checks import checked_name as _name
from agentdb.repositories.checks import moment as _moment
from agentdb.repositories.checks import plain as _plain
from agentdb.repositories.direct import fetch
from agentdb.repositories.memory import DEFAULT_TENANT, Found, Memory, NewMemory
from agentdb.repositories.reranking import RERANKED, reranked
from agentdb.repositories.tenancy import Tenanted, remember
from agentdb.search.diversity import diversified
from agentdb.search.entries import ENTRY, search_text
from agentdb.search.filters import Filter, compile_filter, storable

LONGEST = 100_000
"""Characters that a memory may have: what is longer is a document."""

MOST = 10_000
"""Memories that one search may ask for."""

AT_ONCE = 1_000
"""Questions that are answered in one round trip."""

_LONGEST_TTL = timedelta(days=365_250)
_KINDS = frozenset(get_args(Kind))
_BATCH = 500
_UNIT = 1e-5  # so near to 1, a length makes no difference to sixteen bits
_ENTRY = tuple(part.key for part in ENTRY)
_VARIETY = 4  # times as many are found as are wanted, where they are to differ
_UNTRACKED = {"synchronize_session": False}
_CURRENT_MODEL = select(SpaceRow.model).where(SpaceRow.is_current)


@dataclass(frozen=True, slots=True, eq=False)
class _Draft:
    """A memory as its row will be."""

    new: NewMemory
    hash: bytes
    metadata: Mapping[str, Json]
    times: int = 1


class MemoryRepository(Tenanted):
    """What an agent remembers, in the caller's session: never committed here.

    Without an embedder memories are kept without vectors and found by their words alone. A
    reranker reads the first thirty of each search again. All that is kept and found belongs to
    one tenant and one namespace.
    """

    def __init__(
        self,
        session: Session,
        embedder: Embedder | None = None,
        *,
        reranker: Reranker | None = None,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        self._session = session
        self._embedder = embedder
        self._reranker = reranker
        self._tenant = _name(tenant, "a tenant")
        self._namespace = _plain(namespace, "a namespace")

    def add(self, memory: NewMemory | str) -> Memory:
        """Remember something; what is remembered already is counted once more.

        A value of a fact (`key`) ends the one before. Raises `BadText`, `BadMetadata`, `BadInput`,
        `SpaceMismatch`, `DimensionMismatch`.
        """
        return self.add_many([memory])[0]

    def add_many(self, memories: Iterable[NewMemory | str]) -> tuple[Memory, ...]:
        """Remember many things, embedded before any of them is sent; return them in their order.

        All or, if it raises as `add` does, none of them.
        """
        drafts = self._embedded([_draft(memory) for memory in memories])
        if any(draft.new.vector is not None for draft in drafts):
            self._require_space()
        with self._session.begin_nested():
            self._queue([draft for draft in drafts if draft.new.key is not None])
            alone = {id(d): self._keep_alone(d) for d in drafts if _stands_alone(d.new)}
            plain = self._keep([draft for draft in drafts if not _stands_alone(draft.new)])
        return tuple(alone[id(d)] if id(d) in alone else plain[_identity(d)] for d in drafts)

    def get(self, identifier: int) -> Memory:
        """Return a memory by its id; raise `NotFound`."""
        row = self._session.execute(select(*ENTRY).where(self._is(identifier))).one_or_none()
        if row is None:
            raise NotFound(f"no memory has the id {identifier}")
        return Memory(**row._asdict())

    def search(  # noqa: PLR0913 - each narrows the search by itself
        self,
        query: str | None,
        k: int = 10,
        *,
        kinds: Collection[Kind] | None = None,
        subject: str | None = None,
        agent: str | None = None,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        as_of: datetime | None = None,
        half_life: timedelta | None = None,
        vector: Vector | None = None,
        diversity: float = 0,
    ) -> tuple[Found, ...]:
        """Return the `k` memories that answer a text best, or as many as there are.

        Meaning (vectors) and words both count; without a text (None) a `vector` alone does.
        `filter` is about metadata (see `agentdb.search.filters`); `as_of` searches what held at
        that moment; `half_life` lets what is older count a little less; `vector` is the text's,
        for a caller who has it; `diversity`, 0 to 1, is how much it counts that what is found
        differs. Raises `BadText`, `BadFilter`, `SpaceMismatch`.
        """
        return self.search_many(
            [query],
            k,
            kinds=kinds,
            subject=subject,
            agent=agent,
            filter=filter,
            as_of=as_of,
            half_life=half_life,
            vectors=[vector],
            diversity=diversity,
        )[0]

    def search_many(  # noqa: PLR0913 - each narrows the search by itself
        self,
        queries: Sequence[str | None],
        k: int = 10,
        *,
        kinds: Collection[Kind] | None = None,
        subject: str | None = None,
        agent: str | None = None,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        as_of: datetime | None = None,
        half_life: timedelta | None = None,
        vectors: Sequence[Vector | None] | None = None,
        diversity: float = 0,
    ) -> tuple[tuple[Found, ...], ...]:
        """Answer several texts as `search` does each, in one round trip; in their order.

        `vectors` are the texts' own, in their order, for a caller who has them.
        """
        width = _width(k, diversity, reranked=self._reranker is not None)
        if len(queries) > AT_ONCE:
            raise BadInput(f"{len(queries):,} questions at once, at most {AT_ONCE:,}: ask in parts")
        asked = [None if query is None else _text(query) for query in queries]
        scope = {
            "namespace": self._namespace,
            "kinds": None if kinds is None else _kinds(kinds),
            "subject": None if subject is None else _plain(subject, "a subject"),
            "agent": None if agent is None else _plain(agent, "an agent"),
            "filter": compile_filter(filter),
            "as_of": _moment(as_of, "as_of"),
            "half_life": _checked_half_life(half_life),
            "k": width,
        }
        near = self._vectors(asked, [None] * len(asked) if vectors is None else vectors)
        answers = self._answers(asked, near, scope) if asked else []
        return tuple(
            self._chosen(text, found, k, diversity)
            for text, found in zip(asked, answers, strict=True)
        )

    def update(
        self,
        identifier: int,
        *,
        content: str | None = None,
        metadata: Mapping[str, object] | None = None,
        importance: float | None = None,
        expires_at: datetime | None = None,
    ) -> Memory:
        """Change a memory where it is, and return it; what is not given stays.

        A fact that has changed is not updated but added, with the same `key`: so its history
        stays. Raises `NotFound`, and `BadInput` if the same is remembered already.
        """
        values: dict[str, object] = {}
        if content is not None:
            draft = self._embedded([_draft(content)])[0]
            self._require_space()
            values |= {
                "content": draft.new.content,
                "content_hash": draft.hash,
                "embedding": draft.new.vector,
            }
        if metadata is not None:
            values["metadata_"] = storable(metadata)
        if importance is not None:
            values["importance"] = _checked_importance(importance)
        if expires_at is not None:
            values["expires_at"] = _moment(expires_at, "expires_at")
        if values:
            changed = update(EntryRow).where(self._is(identifier)).values(values)
            with self._refusing("the same is remembered already: forget one of the two"):
                self._session.execute(changed, execution_options=_UNTRACKED)
        return self.get(identifier)

    def forget(
        self, identifier: int | None = None, *, subject: str | None = None, expired: bool = False
    ) -> int:
        """Delete what meets all that is given: an id, a subject, being expired; return how many.

        The cache of vectors keeps those of texts by hash, whoever had them.
        """
        meant: list[ColumnElement[bool]] = []
        if identifier is not None:
            meant.append(EntryRow.id == identifier)
        if subject is not None:
            meant.append(EntryRow.subject == subject)
        if expired:
            meant.append(EntryRow.expires_at <= func.now())
        if not meant:
            raise BadInput("say what to forget: an id, a subject, or what has expired")
        gone = delete(EntryRow).where(*self._own(), *meant).returning(EntryRow.id)
        return len(self._session.scalars(gone, execution_options=_UNTRACKED).all())

    def history(self, subject: str, key: str) -> tuple[Memory, ...]:
        """Return every value that a fact about a subject has had, the first one first."""
        values = select(*ENTRY).where(
            *self._own(), EntryRow.subject == subject, EntryRow.fact_key == key
        )
        rows = self._session.execute(values.order_by(EntryRow.valid_from))
        return tuple(Memory(**row._asdict()) for row in rows)

    # What is kept -----------------------------------------------------------------------------

    def _keep(self, drafts: Sequence[_Draft]) -> dict[tuple[str, str, bytes], Memory]:
        """Insert what is new and count what is not; sorted, so that two writers cannot deadlock."""
        merged: dict[tuple[str, str, bytes], _Draft] = {}
        for draft in drafts:
            before = merged.get(_identity(draft))
            merged[_identity(draft)] = draft if before is None else _merged(before, draft)
        kept: dict[tuple[str, str, bytes], Memory] = {}
        ordered = [merged[key] for key in sorted(merged)]
        for start in range(0, len(ordered), _BATCH):
            for row in self._upsert(ordered[start : start + _BATCH]):
                values = dict(row)
                digest = values.pop("content_hash")
                kept[values["kind"], values["subject"] or "", digest] = Memory(**values)
        return kept

    def _upsert(self, drafts: Sequence[_Draft]) -> Iterator[Mapping[str, Any]]:
        made = insert(EntryRow).values([self._row(draft) for draft in drafts])
        merged = made.on_conflict_do_update(
            index_elements=[
                EntryRow.tenant,
                EntryRow.namespace,
                EntryRow.kind,
                # Written out: with a parameter a generic plan would not find the index.
                func.coalesce(EntryRow.subject, literal_column("''")),
                EntryRow.content_hash,
            ],
            index_where=EntryRow.valid_to.is_(None) & EntryRow.fact_key.is_(None),
            set_={
                "times": EntryRow.times + made.excluded.times,
                "importance": func.greatest(EntryRow.importance, made.excluded.importance),
                "metadata": EntryRow.metadata_.op("||")(made.excluded.metadata),
                "expires_at": made.excluded.expires_at,
                "embedding": func.coalesce(made.excluded.embedding, EntryRow.embedding),
            },
        ).returning(*ENTRY, EntryRow.content_hash)
        for row in self._session.execute(merged, execution_options=_UNTRACKED):
            yield row._asdict()

    def _queue(self, facts: Sequence[_Draft]) -> None:
        """Wait until nobody else writes these facts; in order, so that two cannot deadlock."""
        whose = (self._tenant, self._namespace)
        locks = sorted({_lock(*whose, d.new.subject or "", d.new.key or "") for d in facts})
        if locks:
            one_by_one = func.unnest(cast(locks, ARRAY(BigInteger))).column_valued("lock")
            self._session.execute(select(func.pg_advisory_xact_lock(one_by_one)))

    def _keep_alone(self, draft: _Draft) -> Memory:
        if draft.new.key is not None:
            return self._supersede(draft)
        made = insert(EntryRow).values(self._row(draft)).returning(*ENTRY)
        return Memory(**self._session.execute(made).one()._asdict())

    def _supersede(self, draft: _Draft) -> Memory:
        """Let a fact have a new value, that of the one before ending where it begins."""
        new = draft.new
        same = (*self._own(), EntryRow.subject == new.subject, EntryRow.fact_key == new.key)
        current = EntryRow.valid_to.is_(None)
        seen = update(EntryRow).where(*same, current, EntryRow.content_hash == draft.hash)
        row = self._row(draft)
        counted = seen.values(
            times=EntryRow.times + draft.times,
            importance=func.greatest(EntryRow.importance, new.importance),
            metadata_=EntryRow.metadata_.op("||")(cast(draft.metadata, JSONB)),
            expires_at=row["expires_at"],
        )
        again = self._session.execute(
            counted.returning(*ENTRY), execution_options=_UNTRACKED
        ).one_or_none()
        if again is not None:
            return Memory(**again._asdict())
        since = new.valid_from or self._session.scalar(select(func.clock_timestamp()))
        ended = update(EntryRow).where(*same, current, EntryRow.valid_from < since)
        values = {**row, "valid_from": since}
        with self._refusing(
            f"the fact {new.key} of {new.subject} has another value at that time: "
            "give a later valid_from"
        ):
            self._session.execute(ended.values(valid_to=since), execution_options=_UNTRACKED)
            made = insert(EntryRow).values(values).returning(*ENTRY)
            return Memory(**self._session.execute(made).one()._asdict())

    def _row(self, draft: _Draft) -> dict[str, object]:
        new = draft.new
        now = datetime.now(UTC)
        return {
            "tenant": self._tenant,
            "namespace": self._namespace,
            "kind": new.kind,
            "subject": new.subject,
            "fact_key": new.key,
            "agent": new.agent,
            "content": new.content,
            "content_hash": draft.hash,
            "metadata_": draft.metadata,
            "importance": new.importance,
            "times": draft.times,
            "embedding": new.vector,
            "valid_from": new.valid_from or func.clock_timestamp(),
            "valid_to": new.valid_to,
            "expires_at": None if new.ttl is None else now + new.ttl,
        }

    # What it is found by ----------------------------------------------------------------------

    def _embedded(self, drafts: Sequence[_Draft]) -> list[_Draft]:
        missing = [d.new.content for d in drafts if d.new.vector is None]
        vectors = iter(self._embedder.embed(missing) if self._embedder and missing else ())
        return [
            replace(d, new=replace(d.new, vector=self._checked(v)))
            if (v := next(vectors, None) if d.new.vector is None else d.new.vector) is not None
            else d
            for d in drafts
        ]

    def _vectors(
        self, texts: Sequence[str | None], given: Sequence[Vector | None]
    ) -> list[Vector | None]:
        """Return the vector of each question, checked: the one given, or the embedder's."""
        if len(given) != len(texts):
            raise BadInput(f"{len(texts)} texts have {len(given)} vectors: give one each, or None")
        pairs = list(zip(texts, given, strict=True))
        if any(text is None and vector is None for text, vector in pairs):
            raise BadInput("a search is for a text or a vector: give one of them")
        missing = [text for text, vector in pairs if text is not None and vector is None]
        made = iter(self._embedder.embed(missing) if self._embedder and missing else ())
        every = (next(made, None) if vector is None else vector for vector in given)
        return [None if vector is None else self._checked(vector) for vector in every]

    def _near(self, text: str, vector: Vector | None) -> Vector | None:
        """Return what a search compares with: the caller's vector, or that of the text."""
        near = self._vectors([text], [vector])[0]
        if near is not None:
            self._refuse_other(self._session.scalar(_CURRENT_MODEL))
        return near

    def _checked(self, vector: Vector) -> Vector:
        name = self._embedder.name if self._embedder else "of the caller"
        given = fitting(np.asarray(vector), name)
        with np.errstate(all="ignore"):  # what overflows is not of length 1
            is_unit = given.dtype == np.float32 and abs(given @ given - 1) < _UNIT
        if is_unit:
            return given
        fitted = given.astype(np.float64)
        length = np.linalg.norm(fitted)
        if not np.isfinite(length) or length == 0:
            raise BadInput(f"the model {name} gave a vector that has no direction (zero or NaN)")
        # At length 1, as the columns keep numbers up to 65,504.
        return (fitted / length).astype(np.float32)

    def _require_space(self) -> None:
        """Make sure that all vectors kept are of one model; the first one kept says which."""
        if self._embedder is None:
            return
        model = self._session.scalar(_CURRENT_MODEL)
        if model is None:
            name, dimension = self._embedder.name, self._embedder.dimension
            first = insert(SpaceRow).values(model=name, dimension=dimension)
            self._session.execute(first.on_conflict_do_nothing())
            model = self._session.scalar(_CURRENT_MODEL)
        self._refuse_other(model)

    def _refuse_other(self, model: str | None) -> None:
        if self._embedder is not None and model not in (None, self._embedder.name):
            raise SpaceMismatch(
                f"the vectors kept are of the model {model}, not of {self._embedder.name}: "
                f"set AGENTDB_EMBEDDING_MODEL={model}"
            )

    # What is found ----------------------------------------------------------------------------

    def _answers(
        self,
        texts: Sequence[str | None],
        vectors: Sequence[Vector | None],
        scope: Mapping[str, object],
    ) -> list[list[Found]]:
        asked: dict[str, object] = {f"query{at}": text for at, text in enumerate(texts)}
        for at, vector in enumerate(vectors):
            asked[f"vector{at}"] = None if vector is None else HalfWire(vector)
        given = {name: value for name, value in scope.items() if value is not None}
        statement = search_text(len(texts), frozenset(given))
        rows = fetch(self._given, statement, {**asked, **given, "tenant": self._tenant})
        remember(self._given, self._tenant)  # the statement has announced it on its way
        if any(vector is not None for vector in vectors):
            self._refuse_other(rows[0][1])
        answers: list[list[Found]] = [[] for _ in texts]
        for row in rows:
            if row[2] is not None:  # else the question has no answer
                answers[row[0]].append(_found(row[2:]))
        return answers

    def _chosen(
        self, text: str | None, found: Sequence[Found], k: int, diversity: float
    ) -> tuple[Found, ...]:
        """Return the best `k` of what was found, as a reranker and the wish for variety say."""
        if self._reranker is not None and text is not None:
            found = reranked(self._reranker, text, found)
        if diversity == 0 or len(found) < 2:  # noqa: PLR2004 - nothing to differ from
            return tuple(found[:k])
        ids = [each.memory.id for each in found]
        wanted = select(EntryRow.id, EntryRow.embedding).where(
            EntryRow.tenant == self._tenant, EntryRow.id == func.any(ids)
        )
        vectors = {row.id: row.embedding for row in self._session.execute(wanted)}
        # By their places: what a reranker says and what the search says do not compare.
        worth = [1 - place / len(found) for place in range(len(found))]
        order = diversified(worth, [vectors.get(each) for each in ids], k, diversity)
        return tuple(found[place] for place in order)

    # Whose it is ------------------------------------------------------------------------------

    def _own(self) -> tuple[ColumnElement[bool], ...]:
        return EntryRow.tenant == self._tenant, EntryRow.namespace == self._namespace

    def _is(self, identifier: int) -> ColumnElement[bool]:
        tenant, namespace = self._own()
        return tenant & namespace & (EntryRow.id == identifier)

    @contextmanager
    def _refusing(self, message: str) -> Iterator[None]:
        """Turn a constraint that says no into a line that says why; the transaction goes on."""
        try:
            with self._session.begin_nested():
                yield
        except IntegrityError as error:
            raise BadInput(message) from error


def refuse_bad(memory: NewMemory) -> None:
    """Raise what `MemoryRepository.add` would, before anything is sent or embedded."""
    _draft(memory)


def prepared(
    memories: MemoryRepository, query: str, vector: Vector | None = None
) -> tuple[str, Vector | None]:
    """Return a text as it is searched for, and its vector, which compares with those kept.

    For searches beside the repository's own; `vector` is the text's, for a caller who has it.
    Raises `BadText`, `SpaceMismatch`.
    """
    asked = _text(query)
    return asked, memories._near(asked, vector)  # noqa: SLF001


def _draft(memory: NewMemory | str) -> _Draft:
    new = NewMemory(memory) if isinstance(memory, str) else memory
    content = _text(new.content)
    _kinds([new.kind])
    _check_names(new)
    _check_times(new)
    _checked_importance(new.importance)
    told = content if new.identity is None else f"{new.identity}\x00{content}"
    digest = bytes.fromhex(content_hash(told))
    return _Draft(replace(new, content=content), digest, storable(new.metadata))


def _text(text: str) -> str:
    """Return the text as it is kept; raise `BadText` for what cannot be."""
    if not text.strip():
        raise BadText("the text is empty: give some words")
    if "\x00" in text:
        raise BadText("the text holds a NUL character, which Postgres cannot keep: remove it")
    if len(text) > LONGEST:
        raise BadText(
            f"the text has {len(text):,} characters, a memory holds {LONGEST:,}: cut it into parts"
        )
    return canonical(text)


def _check_names(new: NewMemory) -> None:
    for name, what in ((new.subject, "a subject"), (new.key, "a key"), (new.agent, "an agent")):
        if name is not None:
            _name(name, what)
    if new.key is not None and new.subject is None:
        raise BadInput(f"the fact {new.key} needs a subject: say whom it is about")


def _check_times(new: NewMemory) -> None:
    since, until = _moment(new.valid_from, "valid_from"), _moment(new.valid_to, "valid_to")
    if since and until and since >= until:
        raise BadInput("a memory that ends before it begins never holds: see valid_from, valid_to")
    if until and not since and until <= datetime.now(UTC):
        raise BadInput("a memory that has ended needs to have begun: give a valid_from")
    if new.ttl is not None and not timedelta(0) < new.ttl <= _LONGEST_TTL:
        raise BadInput(f"a ttl of {new.ttl} is not between 0 and 1,000 years: leave it out")


def _kinds(kinds: Collection[str]) -> list[str]:
    unknown = [kinds] if isinstance(kinds, str) else sorted(set(kinds) - _KINDS)
    if unknown:
        there = ", ".join(sorted(_KINDS))
        raise BadInput(f"kinds are a list of {there}, not {ascii(unknown[0])[:40]}")
    return list(kinds)


def _lock(*fact: str) -> int:
    digest = blake2b("\x00".join(fact).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _checked_importance(importance: float) -> float:
    if 0 <= importance <= 1:
        return importance
    raise BadInput(f"importance {importance:g} is not between 0 and 1")


def _stands_alone(new: NewMemory) -> bool:
    """Whether it is a value of a fact, or held for a time only: the same again is another one."""
    return new.key is not None or new.valid_to is not None


def _identity(draft: _Draft) -> tuple[str, str, bytes]:
    return draft.new.kind, draft.new.subject or "", draft.hash


def _merged(first: _Draft, second: _Draft) -> _Draft:
    importance = max(first.new.importance, second.new.importance)
    return replace(
        second,
        new=replace(second.new, importance=importance),
        metadata={**first.metadata, **second.metadata},
        times=first.times + second.times,
    )


def _found(row: Sequence[Any]) -> Found:
    return Found(Memory(**dict(zip(_ENTRY, row, strict=False))), *row[len(_ENTRY) :])


def _width(k: int, diversity: float, *, reranked: bool) -> int:
    """Return how many are to be found so that `k` can be chosen of them."""
    if not 1 <= k <= MOST:
        raise BadInput(f"a search finds 1 to {MOST:,} memories, not {k:,}")
    if not 0 <= diversity <= 1:
        raise BadInput(f"diversity {diversity:g} is not between 0 and 1")
    width = max(k, RERANKED) if reranked else k
    return min(MOST, width if diversity == 0 else max(width, _VARIETY * k))


def _checked_half_life(half_life: timedelta | None) -> timedelta | None:
    if half_life is not None and half_life <= timedelta(0):
        raise BadInput("a half_life is longer than nothing: give days or hours")
    return half_life
