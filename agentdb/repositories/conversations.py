"""Conversations: what is said, in which session, and what came of it; committed by the caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from math import isfinite
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from agentdb.embedding.cached import canonical
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import BadInput, BadText, NotFound
from agentdb.models.conversation import ROLES, InteractionRow, MessageRow, SessionRow
from agentdb.models.entry import EntryRow, Kind
from agentdb.repositories.checks import bounded, checked_name, moment, plain
from agentdb.repositories.conversation import (
    ChatSession,
    FoundMessage,
    Interaction,
    Message,
    NewInteraction,
    NewMessage,
)
from agentdb.repositories.memories import (
    MOST,
    MemoryRepository,
    prepared,
    refuse_bad,
    refuse_bad_query,
)
from agentdb.repositories.memory import DEFAULT_TENANT, Memory, NewMemory
from agentdb.repositories.tenancy import Tenanted
from agentdb.search.filters import Filter, compile_filter, storable
from agentdb.search.messages import (
    HOLDS,
    MESSAGE,
    SEARCH_MESSAGES,
    SPEAKERS,
    WHY,
    first_person,
    words_of,
)

WIDEST = 100
"""Turns before and after a message that a search may return with it."""

_KIND: Kind = "message"
_MOST_TOKENS = 2**62
_LONGEST_ERROR = 10_000
_UNTRACKED = {"synchronize_session": False}

_SESSION = (
    SessionRow.key,
    SessionRow.tenant,
    SessionRow.namespace,
    SessionRow.agent,
    SessionRow.subject,
    SessionRow.metadata_.label("metadata"),
    SessionRow.started_at,
    SessionRow.ended_at,
)

_INTERACTION = (
    InteractionRow.id,
    InteractionRow.agent,
    SessionRow.key.label("session"),
    InteractionRow.success,
    InteractionRow.error,
    InteractionRow.processing_ms,
    InteractionRow.tokens_in,
    InteractionRow.tokens_out,
    InteractionRow.metadata_.label("metadata"),
    InteractionRow.at,
)

_OF_SESSION = (SessionRow.tenant == MessageRow.tenant) & (SessionRow.id == MessageRow.session_id)


@dataclass(frozen=True, slots=True)
class _Place:
    """A session that is locked, and the position before those given to what is appended."""

    id: int
    key: str
    subject: str | None
    agent: str | None
    before: int


class ConversationRepository(Tenanted):
    """What is said between people and agents, in the caller's session: never committed here.

    A message is an entry of the kind `message`, about the subject of its session and kept by its
    agent: memories and messages are found side by side. All belongs to one tenant and one
    namespace. Without an embedder messages are found by their words alone.

    >>> talk = ConversationRepository(session, embedder)
    >>> monday = talk.start("monday")
    >>> talk.append("monday", NewMessage("user", "the kettle leaks")).position
    1
    >>> [found.message.content for found in talk.search("kettle")]
    ['the kettle leaks']
    """

    def __init__(
        self,
        session: Session,
        embedder: Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        self._session = session
        self._embedder = embedder
        self._tenant = tenant
        self._namespace = namespace
        self._memories = MemoryRepository(session, embedder, tenant=tenant, namespace=namespace)

    # Sessions ---------------------------------------------------------------------------------

    def start(
        self,
        key: str | None = None,
        *,
        agent: str | None = None,
        subject: str | None = None,
        metadata: Mapping[str, object] | None = None,
        at: datetime | None = None,
    ) -> ChatSession:
        """Begin a session, or return the one that has this key already, as it is.

        Without a `key` it gets one. Raises `BadInput`, `BadMetadata`.
        """
        values = {
            "tenant": self._tenant,
            "namespace": self._namespace,
            "key": uuid4().hex if key is None else checked_name(key, "a session"),
            "agent": None if agent is None else checked_name(agent, "an agent"),
            "subject": None if subject is None else checked_name(subject, "a subject"),
            "metadata_": storable(metadata or {}),
            "started_at": moment(at, "at") or func.clock_timestamp(),
        }
        begun = insert(SessionRow).values(values).on_conflict_do_nothing()
        row = self._session.execute(begun.returning(*_SESSION)).one_or_none()
        return ChatSession(**row._asdict()) if row else self.session(str(values["key"]))

    def session(self, key: str) -> ChatSession:
        """Return a session by its key; raise `NotFound`."""
        row = self._session.execute(select(*_SESSION).where(*self._is(key))).one_or_none()
        if row is None:
            raise _not_found(key)
        return ChatSession(**row._asdict())

    def sessions(
        self, last: int = 100, *, subject: str | None = None, agent: str | None = None
    ) -> tuple[ChatSession, ...]:
        """Return the sessions that began last, of a subject or an agent, the newest first."""
        listed = select(*_SESSION).where(*self._own())
        if subject is not None:
            listed = listed.where(SessionRow.subject == plain(subject, "a subject"))
        if agent is not None:
            listed = listed.where(SessionRow.agent == plain(agent, "an agent"))
        newest = listed.order_by(SessionRow.started_at.desc(), SessionRow.id.desc())
        rows = self._session.execute(newest.limit(_count(last, "last")))
        return tuple(ChatSession(**row._asdict()) for row in rows)

    def end(self, key: str, at: datetime | None = None) -> ChatSession:
        """Mark a session as ended, now or then, and return it; the first end counts.

        Raises `NotFound`, and `BadInput` where it would end before it began.
        """
        began = self.session(key).started_at
        if (moment(at, "at") or began) < began:
            raise BadInput(f"the session {key} began at {began}: it cannot end before")
        ended = func.coalesce(SessionRow.ended_at, at or func.clock_timestamp())
        changed = update(SessionRow).where(*self._is(key)).values(ended_at=ended)
        row = self._session.execute(changed.returning(*_SESSION), execution_options=_UNTRACKED)
        return ChatSession(**row.one()._asdict())

    def forget(self, key: str) -> int:
        """Delete a session with its messages and interactions; return how many messages it had.

        Raises `NotFound`. The cache of vectors keeps those of texts by hash, whoever had them.
        """
        locked = select(SessionRow.id).where(*self._is(key)).with_for_update()
        session_id = self._session.scalar(locked)
        if session_id is None:
            raise _not_found(key)
        within = (MessageRow.tenant == self._tenant, MessageRow.session_id == session_id)
        had = self._session.scalar(select(func.count()).select_from(MessageRow).where(*within))
        gone = delete_from(SessionRow).where(*self._is(key))  # which takes the rest with it
        self._session.execute(gone, execution_options=_UNTRACKED)
        return had or 0

    # Messages ---------------------------------------------------------------------------------

    def append(self, session: str, message: NewMessage) -> Message:
        """Say something in a session and return it; see `append_many`."""
        return self.append_many(session, [message])[0]

    def append_many(self, session: str, messages: Iterable[NewMessage]) -> tuple[Message, ...]:
        """Say some things in a session, one after the other, and return them in that order.

        All of them or, if it raises, none. Who appends to the same session at once waits until
        the other transaction has ended. A message whose `key` the session has already is not
        kept again but returned as it is. Raises `NotFound` for the session, `BadText`,
        `BadMetadata`, `SpaceMismatch`, and `BadInput`, also where a `key` has another text.
        """
        given = [_checked(message) for message in messages]
        # A message without a key is another one each time: its place tells it from the others.
        names: list[object] = [
            at if each.key is None else each.key for at, each in enumerate(given)
        ]
        new: dict[object, NewMessage] = {}
        for name, each in zip(names, given, strict=True):
            _refuse_another(each, new.setdefault(name, each))
        ready = dict(zip(new, self._embedded(list(new.values())), strict=True))
        with self._session.begin_nested():
            place = self._advance(session, len(ready))
            kept = self._kept(place, [each.key for each in ready.values() if each.key is not None])
            for name in kept.keys() & ready.keys():
                _refuse_another(ready[name], kept[name])
            fresh = {name: each for name, each in ready.items() if name not in kept}
            kept |= zip(fresh, self._added(place, list(fresh.values())), strict=True)
        return tuple(kept[name] for name in names)

    def history(
        self, session: str, last: int | None = None, *, before: int | None = None
    ) -> tuple[Message, ...]:
        """Return the messages of a session in their order: all, or the `last` so many.

        `before` a position: to read on backwards, give that of the first message you have.
        Raises `NotFound`.
        """
        said = _messages().where(*self._is(session), HOLDS)
        if before is not None:
            said = said.where(MessageRow.position < bounded(before))
        newest = said.order_by(MessageRow.position.desc())
        if last is not None:
            newest = newest.limit(_count(last, "last"))
        rows = self._session.execute(newest).all()
        if not rows:
            self.session(session)
        return tuple(Message(**row._asdict()) for row in reversed(rows))

    def search(  # noqa: PLR0913 - each narrows the search by itself
        self,
        query: str,
        k: int = 10,
        *,
        window: int = 2,
        session: str | None = None,
        subject: str | None = None,
        agent: str | None = None,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        vector: Vector | None = None,
    ) -> tuple[FoundMessage, ...]:
        """Return the `k` messages that answer a text best, or as many as there are.

        Each counts by its own meaning and words, by those of the turns beside it and by the best
        of its session (`docs/conversations.md` has the formula), and comes with `window` turns
        before and after it. Speakers named in the text are looked up first, and the text is
        embedded as they would put it (`agentdb.search.messages.first_person`); `vector` is the
        text's, for a caller who has it. `filter` is about the metadata of what is found, not of
        what stands beside it. Raises `NotFound` for the session, `BadText`, `BadFilter`,
        `BadInput`, `SpaceMismatch`.
        """
        if not 1 <= k <= MOST:
            raise BadInput(f"a search finds 1 to {MOST:,} messages, not {k:,}")
        if not 0 <= window <= WIDEST:
            raise BadInput(f"a window has 0 to {WIDEST} turns, not {window:,}")
        refuse_bad_query(query)
        asked = canonical(query)
        scope = {
            "tenant": self._tenant,
            "namespace": self._namespace,
            "session": None if session is None else plain(session, "a session"),
            "subject": None if subject is None else plain(subject, "a subject"),
            "agent": None if agent is None else plain(agent, "an agent"),
            "filter": compile_filter(filter),
        }
        near = self._near(asked, vector)
        parameters = {"query": asked, "vector": near, "k": k, "window": window, **scope}
        rows = self._session.execute(SEARCH_MESSAGES, parameters)
        found = tuple(_found(row._asdict() for row in rows))
        if not found and session is not None:
            self.session(session)
        return found

    # Interactions -----------------------------------------------------------------------------

    def record(self, interaction: NewInteraction) -> Interaction:
        """Keep what came of a request to an agent, and return it.

        Raises `NotFound` for its session, `BadInput`, `BadMetadata`.
        """
        values = {**_values(interaction), "tenant": self._tenant, "namespace": self._namespace}
        if interaction.session is not None:
            whose = select(SessionRow.id).where(*self._is(interaction.session))
            values["session_id"] = self._session.scalar(whose)
            if values["session_id"] is None:
                raise _not_found(interaction.session)
        made = insert(InteractionRow).values(values).returning(InteractionRow.id)
        return self._interactions(InteractionRow.id == self._session.scalar(made))[0]

    def interactions(
        self, last: int = 100, *, session: str | None = None, agent: str | None = None
    ) -> tuple[Interaction, ...]:
        """Return the interactions that were last, of a session or an agent, the newest first."""
        meant: list[ColumnElement[bool]] = []
        if session is not None:
            meant.append(SessionRow.key == plain(session, "a session"))
        if agent is not None:
            meant.append(InteractionRow.agent == plain(agent, "an agent"))
        return self._interactions(*meant, last=_count(last, "last"))

    def _interactions(self, *meant: ColumnElement[bool], last: int = 1) -> tuple[Interaction, ...]:
        own = (InteractionRow.tenant == self._tenant, InteractionRow.namespace == self._namespace)
        within = (SessionRow.tenant == InteractionRow.tenant) & (
            SessionRow.id == InteractionRow.session_id
        )
        listed = select(*_INTERACTION).outerjoin_from(InteractionRow, SessionRow, within)
        newest = listed.where(*own, *meant).order_by(
            InteractionRow.at.desc(), InteractionRow.id.desc()
        )
        rows = self._session.execute(newest.limit(last))
        return tuple(Interaction(**row._asdict()) for row in rows)

    # What is kept -----------------------------------------------------------------------------

    def _advance(self, session: str, count: int) -> _Place:
        """Lock a session until the transaction ends, and take positions of it."""
        taken = update(SessionRow).where(*self._is(session))
        row = self._session.execute(
            taken.values(last_position=SessionRow.last_position + count).returning(
                SessionRow.id,
                SessionRow.key,
                SessionRow.subject,
                SessionRow.agent,
                (SessionRow.last_position - count).label("before"),
            ),
            execution_options=_UNTRACKED,
        ).one_or_none()
        if row is None:
            raise _not_found(session)
        return _Place(**row._asdict())

    def _kept(self, place: _Place, keys: Sequence[str]) -> dict[object, Message]:
        """Return the messages of a session that have one of these keys already."""
        if not keys:
            return {}
        said = _messages().where(
            MessageRow.tenant == self._tenant,
            MessageRow.session_id == place.id,
            MessageRow.key == func.any(list(keys)),
        )
        rows = self._session.execute(said)
        return {row.key: Message(**row._asdict()) for row in rows}

    def _added(self, place: _Place, new: Sequence[NewMessage]) -> tuple[Message, ...]:
        """Keep messages, each at the next position, as an entry and a row beside it."""
        numbered = list(enumerate(new, start=place.before + 1))
        entries = self._memories.add_many(_entry(place, at, each) for at, each in numbered)
        kept = [
            _message(place, entry, at, each)
            for entry, (at, each) in zip(entries, numbered, strict=True)
        ]
        if kept:
            rows = [self._row(place, each) for each in kept]
            self._session.execute(insert(MessageRow), rows)
        return tuple(kept)

    def _row(self, place: _Place, message: Message) -> dict[str, object]:
        return {
            "entry_id": message.id,
            "tenant": self._tenant,
            "namespace": self._namespace,
            "session_id": place.id,
            "position": message.position,
            "key": message.key,
            "role": message.role,
            "speaker": message.speaker,
            "tokens": message.tokens,
        }

    # What it is found by ----------------------------------------------------------------------

    def _embedded(self, messages: Sequence[NewMessage]) -> list[NewMessage]:
        """Embed what has no vector, before anything is sent."""
        missing = [each.content for each in messages if each.vector is None]
        vectors = iter(self._embedder.embed(missing) if self._embedder and missing else ())
        return [
            replace(each, vector=next(vectors, None)) if each.vector is None else each
            for each in messages
        ]

    def _near(self, question: str, vector: Vector | None) -> Vector | None:
        """Return the vector that messages are compared with."""
        if vector is None and self._embedder is not None:
            question = first_person(question, self._speakers(question))
        return prepared(self._memories, question, vector)[1]

    def _speakers(self, question: str) -> Sequence[str]:
        whose = {"tenant": self._tenant, "namespace": self._namespace}
        words = {"words": words_of(question), **whose}
        return [name for name in self._session.scalars(SPEAKERS, words) if name is not None]

    # Whose it is ------------------------------------------------------------------------------

    def _own(self) -> tuple[ColumnElement[bool], ...]:
        return SessionRow.tenant == self._tenant, SessionRow.namespace == self._namespace

    def _is(self, key: str) -> tuple[ColumnElement[bool], ...]:
        return *self._own(), SessionRow.key == checked_name(key, "a session")


def _messages() -> Select[*tuple[Any, ...]]:
    return (
        select(*MESSAGE)
        .join_from(MessageRow, SessionRow, _OF_SESSION)
        .join(EntryRow, EntryRow.id == MessageRow.entry_id)
    )


def _entry(place: _Place, position: int, message: NewMessage) -> NewMemory:
    return NewMemory(
        message.content,
        kind=_KIND,
        subject=place.subject,
        agent=place.agent,
        metadata=message.metadata,
        valid_from=message.at,
        vector=message.vector,
        # What is said twice is two messages: this one is told by where it stands.
        identity=f"{place.id}/{position}",
    )


def _message(place: _Place, entry: Memory, position: int, message: NewMessage) -> Message:
    return Message(
        id=entry.id,
        session=place.key,
        position=position,
        role=message.role,
        speaker=message.speaker,
        content=entry.content,
        key=message.key,
        tokens=message.tokens,
        metadata=entry.metadata,
        at=entry.valid_from,
    )


def _found(rows: Iterable[dict[str, Any]]) -> Iterator[FoundMessage]:
    hits = groupby(rows, key=lambda row: row.pop("found"))
    for rank, (identifier, around) in enumerate(hits, start=1):
        turns = list(around)
        why = {name: turns[0][name] for name in WHY}
        window = tuple(_without(turn, WHY) for turn in turns)
        message = next(each for each in window if each.id == identifier)
        yield FoundMessage(message=message, rank=rank, window=window, **why)


def _without(turn: Mapping[str, Any], names: Sequence[str]) -> Message:
    return Message(**{name: value for name, value in turn.items() if name not in names})


# What is refused ----------------------------------------------------------------------------------


def _checked(message: NewMessage) -> NewMessage:
    """Return the message as it is kept; raise what cannot be, before anything is sent."""
    if message.role not in ROLES:
        there = ", ".join(ROLES)
        raise BadInput(f"the role {ascii(message.role)[:40]} is none of {there}")
    moment(message.at, "at")
    if message.speaker is not None:
        checked_name(message.speaker.strip(), "a speaker")
    if message.key is not None:
        checked_name(message.key, "a key")
    if message.tokens is not None:
        _tokens(message.tokens)
    refuse_bad(NewMemory(message.content, metadata=message.metadata, kind=_KIND))
    speaker = message.speaker and message.speaker.strip()
    return replace(message, content=canonical(message.content), speaker=speaker)


def _refuse_another(message: NewMessage, kept: NewMessage | Message) -> None:
    """Raise `BadInput` where a message with a key is another one than that kept under it."""
    if (message.role, message.content) != (kept.role, kept.content):
        raise BadInput(f"the message {message.key} is kept with another text: give it another key")


def _values(interaction: NewInteraction) -> dict[str, object]:
    if not (isfinite(interaction.processing_ms) and interaction.processing_ms >= 0):
        raise BadInput(f"a request cannot take {interaction.processing_ms:g} ms: give 0 or more")
    if interaction.success and interaction.error is not None:
        raise BadInput("what has an error did not succeed: give success=False")
    return {
        "agent": checked_name(interaction.agent, "an agent"),
        "success": interaction.success,
        "error": None if interaction.error is None else _error(interaction.error),
        "processing_ms": interaction.processing_ms,
        "tokens_in": _tokens(interaction.tokens_in),
        "tokens_out": _tokens(interaction.tokens_out),
        "metadata_": storable(interaction.metadata),
        "at": moment(interaction.at, "at") or func.clock_timestamp(),
    }


def _error(text: str) -> str:
    if "\x00" in text:
        raise BadText("the error holds a NUL character, which Postgres cannot keep: remove it")
    return canonical(text)[:_LONGEST_ERROR]


def _tokens(tokens: int) -> int:
    if not 0 <= tokens < _MOST_TOKENS:
        raise BadInput(f"{tokens:,} tokens cannot be: give 0 or more")
    return tokens


def _count(number: int, what: str) -> int:
    if not 1 <= number <= MOST:
        raise BadInput(f"{what} is 1 to {MOST:,}, not {number:,}")
    return number


def _not_found(key: str) -> NotFound:
    return NotFound(f"no session has the key {ascii(key)[:100]}: begin it with start()")
