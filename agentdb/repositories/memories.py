"""An agent's memory: kept, corrected, searched and forgotten in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from operator import is_
from typing import Any, Literal, NoReturn, TypeAlias, get_args

from pgvector import HalfVector as HalfWire
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    case,
    cast,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from agentdb.embedding.batches import embed_by_length
from agentdb.embedding.cached import canonical
from agentdb.embedding.embedder import DIMENSION, Embedder, Vector, directions
from agentdb.embedding.reranker import Reranker
from agentdb.errors import BadInput, BadText, DimensionMismatch, NotFound
from agentdb.models.entry import EntryRow, Kind
from agentdb.models.vector import HalfVectorType
from agentdb.repositories.bulk import FROM, Bulk, Draft, Identity, merging, uncollected
from agentdb.repositories.checks import checked_name as _name
from agentdb.repositories.checks import moment as _moment
from agentdb.repositories.checks import numbered
from agentdb.repositories.checks import plain as _plain
from agentdb.repositories.direct import fetch
from agentdb.repositories.memory import (
    DEFAULT_TENANT,
    Found,
    Loaded,
    Memory,
    NewMemory,
    Refused,
)
from agentdb.repositories.reranking import RERANKED, reranked
from agentdb.repositories.spaces import (
    kept_width,
    require_dimension,
    require_model,
    require_space,
    require_width,
)
from agentdb.repositories.tenancy import Tenanted, remember
from agentdb.search.diversity import diversified
from agentdb.search.entries import ENTRY, model_and_version, search_text
from agentdb.search.filters import Filter, compile_filter, storable

LONGEST = 100_000
"""Characters that a memory may have: what is longer is a document."""

LONGEST_SUBJECT = 1_500
"""Bytes that what something is about may have: the key of an item is the longest."""

MOST = 10_000
"""Memories that one search may ask for."""

AT_ONCE = 1_000
"""Questions that are answered in one round trip."""

_LONGEST_TTL = timedelta(days=365_250)
_KINDS = frozenset(get_args(Kind))
_VARIETY = 4  # times as many are found as are wanted, where they are to differ
_WHOSE = "\x00agent\x00"  # no text that is kept has a NUL
_BY_KEY: tuple[Kind, ...] = ("item", "document")  # one of each key, whatever it says
_UNTRACKED = {"synchronize_session": False}

Refusing: TypeAlias = Callable[["Refused"], None]


class MemoryRepository(Tenanted):
    """What an agent remembers, in the caller's session: never committed here.

    Without an embedder memories are kept without vectors and found by their words alone. A
    reranker reads the first thirty of each search again. All that is kept and found belongs to
    one tenant and one namespace.

    >>> memories = MemoryRepository(session, embedder)
    >>> memories.add("Ada prefers tea").times
    1
    >>> memories.search("tea")[0].memory.content
    'Ada prefers tea'
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
        return self._add(self._embedded([_draft(memory)]))[0]

    def add_many(self, memories: Iterable[NewMemory | str]) -> tuple[Memory, ...]:
        """Remember many things, embedded before any of them is sent; return them in their order.

        All or, if it raises as `add` does, none of them; the error says which one it is about.
        """
        return self._add(self._embedded(_drafts(list(memories), _raise)))

    def load(
        self,
        memories: Iterable[NewMemory | str],
        *,
        on_error: Literal["raise", "report"] = "raise",
    ) -> Loaded:
        """Remember many things as `add_many` does, and return no more than how many there were.

        With `report`, what cannot be kept is left out and told, each by its number; what cannot
        be embedded, or is of another model, is raised all the same.

            done = memories.load(read(file), on_error="report")
            print(done.new, [(each.number, each.reason) for each in done.refused])
        """
        refused: list[Refused] = []
        refuse = _raise if on_error == "raise" else refused.append
        drafts = self._embedded(_drafts(list(memories), refuse), refuse)
        kept = 0
        with self._writing(drafts):
            plain = _merged_all(draft for draft in drafts if not _stands_alone(draft.new))
            new = self._bulk.count(plain)
            kept += sum(draft.times for draft in plain)
            for draft in drafts:
                if _stands_alone(draft.new):
                    memory = self._kept_or(refuse, draft)
                    kept += memory is not None
                    new += memory is not None and memory.times == draft.times
        return Loaded(new, kept - new, tuple(sorted(refused, key=lambda each: each.number)))

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
        vector: Vector | None = None
        if content is not None:
            draft = self._embedded([_draft(content)])[0]
            vector = draft.vector
            values |= {
                "content": draft.content,
                "content_hash": _hash_of_changed(identifier, draft),
                "embedding": bound(draft.vector),
            }
        if metadata is not None:
            values["metadata_"] = storable(metadata)
        if importance is not None:
            values["importance"] = _checked_importance(importance)
        if expires_at is not None:
            values["expires_at"] = _moment(expires_at, "expires_at")
        if values:
            changed = update(EntryRow).where(self._is(identifier)).values(values)
            refusing = self._refusing("the same is remembered already: forget one of the two")
            with self._of_one_model(vector), refusing:
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
            meant.append(numbered(EntryRow.id, identifier))
        if subject is not None:
            meant.append(EntryRow.subject == _plain(subject, "a subject", LONGEST_SUBJECT))
        if expired:
            meant.append(EntryRow.expires_at <= func.statement_timestamp())
        if not meant:
            raise BadInput("say what to forget: an id, a subject, or what has expired")
        gone = delete(EntryRow).where(*self._own(), *meant).returning(EntryRow.id)
        return len(self._session.scalars(gone, execution_options=_UNTRACKED).all())

    def history(self, subject: str, key: str) -> tuple[Memory, ...]:
        """Return every value that a fact about a subject has had, the first one first."""
        values = select(*ENTRY).where(
            *self._own(),
            EntryRow.subject == _plain(subject, "a subject"),
            EntryRow.fact_key == _plain(key, "a key"),
        )
        rows = self._session.execute(values.order_by(EntryRow.valid_from))
        return tuple(Memory(**row._asdict()) for row in rows)

    # What is kept -----------------------------------------------------------------------------

    def _add(self, drafts: Sequence[Draft]) -> tuple[Memory, ...]:
        with self._writing(drafts):
            alone = {d.place: self._keep_alone(d) for d in drafts if _stands_alone(d.new)}
            plain = self._keep(_merged_all(d for d in drafts if not _stands_alone(d.new)))
        return tuple(alone[d.place] if d.place in alone else plain[d.identity] for d in drafts)

    @contextmanager
    def _writing(self, drafts: Sequence[Draft]) -> Iterator[None]:
        """Make what follows a savepoint, among the writers of the same facts and one model."""
        vector = next((draft.vector for draft in drafts if draft.vector is not None), None)
        with self._of_one_model(vector):
            self._queue([draft for draft in drafts if draft.new.key is not None])
            yield

    @contextmanager
    def _of_one_model(self, vector: Vector | None) -> Iterator[None]:
        """Make what follows a savepoint in which no other model takes over."""
        self._require_space(vector)
        try:
            with self._session.begin_nested():
                yield
                # Once more: until the first row was written, another one could take over.
                self._require_space(vector, keep=False)
        except DataError:  # of another dimension
            self._require_space(vector, keep=False)
            raise

    def _keep(self, drafts: Sequence[Draft]) -> dict[Identity, Memory]:
        """Insert what is new and count what is not."""
        if len(drafts) >= FROM:
            return {
                d.identity: kept for d, kept in zip(drafts, self._bulk.keep(drafts), strict=True)
            }
        kept: dict[Identity, Memory] = {}
        for row in self._upsert(drafts) if drafts else ():
            values = dict(row)
            digest = values.pop("content_hash")
            kept[values["kind"], values["subject"] or "", digest] = Memory(**values)
        return kept

    def _upsert(self, drafts: Sequence[Draft]) -> Iterator[Mapping[str, Any]]:
        made = insert(EntryRow).values([self._row(draft) for draft in drafts])
        merged = merging(made).returning(*ENTRY, EntryRow.content_hash)
        for row in self._session.execute(merged, execution_options=_UNTRACKED):
            yield row._asdict()

    @property
    def _bulk(self) -> Bulk:
        return Bulk(self._session, self._tenant, self._namespace)

    def _queue(self, facts: Sequence[Draft]) -> None:
        """Wait until nobody else writes these facts; in order, so that two cannot deadlock."""
        whose = (self._tenant, self._namespace)
        locks = sorted({_lock(*whose, d.new.subject or "", d.new.key or "") for d in facts})
        if locks:
            one_by_one = func.unnest(cast(locks, ARRAY(BigInteger))).column_valued("lock")
            self._session.execute(select(func.pg_advisory_xact_lock(one_by_one)))

    def _kept_or(self, refuse: Refusing, draft: Draft) -> Memory | None:
        try:
            return self._keep_alone(draft)
        except BadInput as error:
            refuse(Refused(draft.place, str(error), error))
            return None

    def _keep_alone(self, draft: Draft) -> Memory:
        if draft.new.key is not None:
            return self._supersede(draft)
        made = insert(EntryRow).values(self._row(draft)).returning(*ENTRY)
        return Memory(**self._session.execute(made).one()._asdict())

    def _supersede(self, draft: Draft) -> Memory:
        """Let a fact have a new value, that of the one before ending where it begins."""
        new = draft.new
        with self._refusing(
            f"the fact {new.key} of {new.subject} has another value at that time: "
            "give a later valid_from"
        ):
            return self._said_again(draft) or self._begun(draft)

    def _said_again(self, draft: Draft) -> Memory | None:
        """Count the value that a fact has, if it is that; where it held earlier, from then on."""
        row = self._row(draft)
        seen = update(EntryRow).where(*self._current(draft), EntryRow.content_hash == draft.hash)
        if draft.new.valid_to is not None:  # what held before, and no longer, is another value
            seen = seen.where(EntryRow.valid_from <= row["valid_from"])
        counted = seen.values(
            times=EntryRow.times + draft.times,
            importance=func.greatest(EntryRow.importance, draft.new.importance),
            metadata_=EntryRow.metadata_.op("||")(cast(draft.metadata, JSONB)),
            valid_from=func.least(EntryRow.valid_from, row["valid_from"]),
            expires_at=row["expires_at"],
            embedding=func.coalesce(row["embedding"], EntryRow.embedding),
        )
        again = self._session.execute(
            counted.returning(*ENTRY), execution_options=_UNTRACKED
        ).one_or_none()
        return None if again is None else Memory(**again._asdict())

    def _begun(self, draft: Draft) -> Memory:
        """Let a fact have this value from now on, or from when it says."""
        since = draft.new.valid_from or self._session.scalar(select(func.clock_timestamp()))
        ended = update(EntryRow).where(*self._current(draft), EntryRow.valid_from < since)
        self._session.execute(ended.values(valid_to=since), execution_options=_UNTRACKED)
        made = insert(EntryRow).values({**self._row(draft), "valid_from": since})
        return Memory(**self._session.execute(made.returning(*ENTRY)).one()._asdict())

    def _current(self, draft: Draft) -> Iterator[ColumnElement[bool]]:
        """Yield what is true of the value that a fact has, and that has no end yet."""
        yield from self._own()
        yield EntryRow.subject == draft.new.subject
        yield EntryRow.fact_key == draft.new.key
        yield EntryRow.valid_to.is_(None)

    def _row(self, draft: Draft) -> dict[str, object]:
        new = draft.new
        return {
            "tenant": self._tenant,
            "namespace": self._namespace,
            "kind": new.kind,
            "subject": new.subject,
            "fact_key": new.key,
            "agent": new.agent,
            "content": draft.content,
            "content_hash": draft.hash,
            "metadata_": draft.metadata,
            "importance": new.importance,
            "times": draft.times,
            "embedding": bound(draft.vector),
            "valid_from": new.valid_from or func.clock_timestamp(),
            "valid_to": new.valid_to,
            "expires_at": draft.expires_at,
        }

    # What it is found by ----------------------------------------------------------------------

    def _embedded(self, drafts: Sequence[Draft], refuse: Refusing | None = None) -> list[Draft]:
        """Return drafts with their vectors, those that are given and those of the embedder."""
        given = self._directed([d for d in drafts if d.new.vector is not None], refuse or _raise)
        missing = [draft for draft in drafts if draft.new.vector is None]
        if self._embedder is not None and missing:
            vectors = embed_by_length(self._embedder, [draft.content for draft in missing])
            missing = [
                d._replace(vector=self._checked(v)) for d, v in zip(missing, vectors, strict=True)
            ]
        if not given or not missing:
            return given or missing
        return sorted([*given, *missing], key=lambda draft: draft.place)

    @uncollected()
    def _directed(self, drafts: Sequence[Draft], refuse: Refusing) -> list[Draft]:
        """Return drafts with the vectors they were given, all at once if there is no fault."""
        vectors = [draft.new.vector for draft in drafts]
        rows = directions(vectors) if drafts else None
        if rows is not None:
            self._check_dimension(rows[0])
            if all(map(is_, rows, vectors)):
                return list(drafts)
            return [Draft(*draft[:-1], row) for draft, row in zip(drafts, rows, strict=True)]
        checked: list[Draft] = []
        width = self._kept_width()
        for draft in drafts:
            try:
                checked.append(draft._replace(vector=self._checked(draft.new.vector, width)))
            except (BadInput, DimensionMismatch) as error:
                refuse(Refused(draft.place, str(error), error))
        return checked

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

    def _kept_width(self) -> int | None:
        """Return how many numbers a vector is to have, where no embedder says it."""
        return kept_width(self._session) if self._embedder is None else None

    def _checked(self, vector: object, width: int | None = None) -> Vector:
        rows = directions([vector])
        if rows is None:
            name = self._embedder.name if self._embedder else "of the caller"
            raise BadInput(f"the model {name} gave a vector that has no direction (zero or NaN)")
        self._check_dimension(rows[0], width)
        return rows[0]

    def _check_dimension(self, vector: Vector, width: int | None = None) -> None:
        if self._embedder is not None:
            require_dimension(self._embedder, len(vector))
        elif width is not None:
            require_width(len(vector), width)

    def _require_space(self, vector: Vector | None, *, keep: bool = True) -> None:
        if vector is not None:
            require_space(self._session, self._embedder, len(vector), keep=keep)

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
        near = next((vector for vector in vectors if vector is not None), None)
        if near is not None and len(near) != DIMENSION:  # the usual model is seen to on the way
            self._require_space(near, keep=False)
        with self._comparing(vectors):
            rows = fetch(self._given, statement, {**asked, **given, "tenant": self._tenant})
        remember(self._given, self._tenant)  # the statement has announced it on its way
        if near is not None and self._embedder is not None and rows[0][1] is not None:
            require_model(self._embedder, *model_and_version(rows[0][1]))
        answers: list[list[Found]] = [[] for _ in texts]
        for row in rows:
            if row[2] is not None:  # else the question has no answer
                answers[row[0]].append(_found(row))
        return answers

    @contextmanager
    def _comparing(self, vectors: Sequence[Vector | None]) -> Iterator[None]:
        """Say whose vectors are kept where one of another dimension was compared with them."""
        try:
            yield
        except DataError:
            self._require_widths({len(vector) for vector in vectors if vector is not None})
            raise

    def _require_widths(self, widths: Collection[int]) -> None:
        if not widths:
            return
        # Aside, as this transaction can be asked nothing more.
        with Session(self._given.connection().engine) as aside:
            for width in widths:
                require_space(aside, self._embedder, width, keep=False)

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
        return tenant & namespace & numbered(EntryRow.id, identifier)

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


def refuse_bad_query(query: str) -> None:
    """Raise the `BadText` that a search would, before anything is embedded."""
    _text(query)


def prepared(
    memories: MemoryRepository, query: str, vector: Vector | None = None
) -> tuple[str, Vector | None]:
    """Return a text as it is searched for, and its vector, which compares with those kept.

    For searches beside the repository's own; `vector` is the text's, for a caller who has it.
    Raises `BadText`, `SpaceMismatch`.
    """
    asked = _text(query)
    near = memories._vectors([asked], [vector])[0]  # noqa: SLF001
    memories._require_space(near, keep=False)  # noqa: SLF001
    return asked, near


def directed(memories: MemoryRepository, vectors: Sequence[Vector | None]) -> list[Vector | None]:
    """Return vectors at length 1, all as long as those kept; for what is kept beside memories.

    Raises `BadInput`, `DimensionMismatch`.
    """
    width = memories._kept_width()  # noqa: SLF001
    return [None if each is None else memories._checked(each, width) for each in vectors]  # noqa: SLF001


def of_one_model(
    memories: MemoryRepository, vectors: Sequence[Vector | None]
) -> AbstractContextManager[None]:
    """Make what follows a savepoint in which no other model takes over than that of the vectors.

    Raises `SpaceMismatch`, `DimensionMismatch`.
    """
    vector = next((each for each in vectors if each is not None), None)
    return memories._of_one_model(vector)  # noqa: SLF001


@uncollected()
def _drafts(memories: Sequence[NewMemory | str], refuse: Refusing) -> list[Draft]:
    drafts: list[Draft] = []
    for number, memory in enumerate(memories, start=1):
        try:
            drafts.append(_draft(memory, number))
        except BadInput as error:
            refuse(Refused(number, str(error), error))
    return drafts


def _raise(refused: Refused) -> NoReturn:
    """Say which of many it is that cannot be kept."""
    which = f"memory {refused.number:,}: " if refused.number else ""
    raise type(refused.error)(f"{which}{refused.reason}") from refused.error


def _draft(memory: NewMemory | str, place: int = 0) -> Draft:
    new = NewMemory(memory) if isinstance(memory, str) else memory
    content = _text(new.content)
    if new.kind not in _KINDS:
        _kinds([new.kind])
    _check_names(new)
    if new.valid_from or new.valid_to or new.ttl is not None:
        _check_times(new)
    _checked_importance(new.importance)
    digest = _digest(new, content)
    return Draft(
        new,
        content,
        digest,
        storable(new.metadata) if new.metadata else {},
        (new.kind, new.subject or "", digest),
        None if new.ttl is None else datetime.now(UTC) + new.ttl,
        place,
        vector=new.vector,
    )


def _digest(new: NewMemory, content: str) -> bytes:
    """Return what the same memory has in common: its text, its identity, whose it is.

    A value of a fact is the subject's, whoever says it.
    """
    told = content if new.identity is None else f"{new.identity}\x00{content}"
    if new.agent is not None and new.key is None:
        told = f"{_WHOSE}{new.agent}\x00{told}"
    return sha256(told.encode(errors="surrogatepass")).digest()  # an identity may be any text


def _hash_of_changed(identifier: int, draft: Draft) -> ColumnElement[bytes]:
    """Return the hash of an entry that gets this text; it stays where it is of a key."""
    own = _draft(NewMemory(draft.content, identity=str(identifier))).hash
    whose = literal(_WHOSE.encode()).concat(func.convert_to(EntryRow.agent, "UTF8"))
    of_agent = func.sha256(whose.concat(literal(f"\x00{draft.content}".encode())))
    return case(
        (EntryRow.kind.in_(_BY_KEY), EntryRow.content_hash),
        (EntryRow.kind == "message", literal(own)),  # what is said twice was said twice
        (EntryRow.agent.is_not(None) & EntryRow.fact_key.is_(None), of_agent),
        else_=literal(draft.hash),
    )


def bound(vector: Vector | None) -> BindParameter[Vector] | None:
    """Return a vector as a column takes it that may be as wide as another model's by now."""
    return None if vector is None else literal(vector, HalfVectorType())


def _text(text: str) -> str:
    """Return the text as it is kept; raise `BadText` for what cannot be."""
    if not text or text.isspace():
        raise BadText("the text is empty: give some words")
    if "\x00" in text:
        raise BadText("the text holds a NUL character, which Postgres cannot keep: remove it")
    if len(text) > LONGEST:
        raise BadText(
            f"the text has {len(text):,} characters, a memory holds {LONGEST:,}: cut it into parts"
        )
    return text if text.isascii() else canonical(text)


def _check_names(new: NewMemory) -> None:
    if new.subject is not None:
        _name(new.subject, "a subject")
    if new.key is not None:
        _name(new.key, "a key")
    if new.agent is not None:
        _name(new.agent, "an agent")
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


@uncollected()
def _merged_all(drafts: Iterable[Draft]) -> list[Draft]:
    """Return what is to be kept of each, once; sorted, so that two writers cannot deadlock."""
    merged: dict[Identity, Draft] = {}
    for draft in drafts:
        before = merged.get(draft.identity)
        merged[draft.identity] = draft if before is None else _merged(before, draft)
    return [merged[identity] for identity in sorted(merged)]


def _merged(first: Draft, second: Draft) -> Draft:
    importance = max(first.new.importance, second.new.importance)
    since = _earlier(first.new.valid_from, second.new.valid_from)
    return second._replace(
        new=replace(second.new, importance=importance, valid_from=since),
        metadata={**first.metadata, **second.metadata},
        times=first.times + second.times,
        vector=first.vector if second.vector is None else second.vector,
    )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return which of two moments comes first; None is now."""
    now = datetime.now(UTC)
    return min(one, other, key=lambda since: since or now)


def _found(row: Sequence[Any]) -> Found:
    # One by one: by a dict of names it takes twice as long, a tenth of what a search costs here.
    memory = Memory(
        id=row[2],
        tenant=row[3],
        namespace=row[4],
        kind=row[5],
        subject=row[6],
        key=row[7],
        agent=row[8],
        content=row[9],
        metadata=row[10],
        importance=row[11],
        times=row[12],
        created_at=row[13],
        valid_from=row[14],
        valid_to=row[15],
        expires_at=row[16],
    )
    return Found(memory, *row[17:])


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
