"""The worker that keeps attached tables in step: takes what waits, embeds it, keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, ProgrammingError

from agentdb import database
from agentdb.architect.progress import Progress
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import (
    AgentDBError,
    AttachmentBroken,
    BadInput,
    BadText,
    DatabaseError,
    DatabaseUnreachable,
    DimensionMismatch,
    EmbeddingError,
    ModelUnavailable,
    NotFound,
    SpaceMismatch,
    TableBusy,
)
from agentdb.repositories.attachment import AttachmentStatus
from agentdb.repositories.attachments import AttachmentRepository, Followed
from agentdb.repositories.memories import LONGEST
from agentdb.repositories.memory import DEFAULT_TENANT
from agentdb.repositories.queue import Claim, Kept, RowQueue, Seen
from agentdb.search.rows import Key

BATCH = 200
"""Rows that a worker takes at once: what an interrupt may cost."""

LEASE = timedelta(minutes=2)
"""How long what was taken stays with a worker that says nothing any more."""

_PROBE = "a few words"  # which any model can embed
_EVERYBODYS = (
    ModelUnavailable,
    SpaceMismatch,
    DimensionMismatch,
    DatabaseError,
)
"""What is no row's fault."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What a worker has done: rows embedded, removed, as they were; failed; and what it could not.

    `troubles` are attachments that cannot be kept in step, each with the reason.
    """

    embedded: int = 0
    removed: int = 0
    unchanged: int = 0
    failed: int = 0
    troubles: tuple[str, ...] = ()

    def __add__(self, other: Worked) -> Worked:
        """Return both together."""
        return Worked(
            self.embedded + other.embedded,
            self.removed + other.removed,
            self.unchanged + other.unchanged,
            self.failed + other.failed,
            self.troubles + other.troubles,
        )


@dataclass(frozen=True, slots=True)
class _Outcome:
    kept: Kept = field(default_factory=Kept)
    failed: Mapping[Key, str] = field(default_factory=dict)

    def __add__(self, other: _Outcome) -> _Outcome:
        return _Outcome(self.kept + other.kept, {**self.failed, **other.failed})


@dataclass(frozen=True, slots=True)
class Worker:
    """Keeps what is attached in step; as many as you like may work at once.

    No transaction is open while texts are embedded. A row that cannot be embedded is tried again
    later, and stands in nobody's way. Raises what is no row's fault: `ModelUnavailable`,
    `EmbeddingError` where the model does not answer at all, `SpaceMismatch`, `DatabaseError`.
    """

    engine: Engine
    embedder: Embedder
    tenant: str = DEFAULT_TENANT
    batch: int = BATCH
    lease: timedelta = LEASE

    def catch_up(self, names: Sequence[str] | None = None, tell: Progress | None = None) -> Worked:
        """Do what waits by now, and return what was done; of all attachments, or of some."""
        done = Worked()
        for name in self._names() if names is None else names:
            try:
                done += self._catch_up(name, tell)
            except NotFound:  # detached meanwhile
                if names is not None:
                    raise
        return done

    def run(self, stop: Event, *, every: timedelta, tell: Callable[[Worked], None]) -> None:
        """Work until `stop` is set, looking for more now and then; `tell` hears what was done.

        A database or a model that does not answer is told, and asked again the next time.
        """
        while not stop.is_set():
            try:
                tell(self.catch_up())
            except ModelUnavailable:
                raise
            except (DatabaseUnreachable, EmbeddingError) as error:
                tell(Worked(troubles=(str(error),)))
            stop.wait(every.total_seconds())

    # One attachment ----------------------------------------------------------------------------

    def _names(self) -> tuple[str, ...]:
        with database.session(self.engine) as session:
            return AttachmentRepository(session, tenant=self.tenant).names()

    def _catch_up(self, name: str, tell: Progress | None) -> Worked:
        done = Worked()
        try:
            followed = self._follow(name)
            bar = self._bar(name, tell)
            while (step := self._next(followed)) is not None:
                followed, worked = step
                done += worked
                bar(worked)
        except (AttachmentBroken, TableBusy) as error:
            return done + Worked(troubles=(str(error),))
        return done

    def _next(self, followed: Followed) -> tuple[Followed, Worked] | None:
        try:
            return self._step(followed)
        except ProgrammingError:
            # Something was renamed or dropped since: do the same by what it is called now.
            again = self._follow(followed.name)
            if again == followed:
                raise
            return again, Worked()

    def _step(self, followed: Followed) -> tuple[Followed, Worked] | None:
        """Do a batch, or find the next one; None when there is nothing left to do."""
        with self._queue(followed) as queue:
            claims = queue.take(self.batch, self.lease)
        if not claims:
            with self._queue(followed) as queue:
                return (followed, Worked()) if queue.feed(10 * self.batch) else None
        if any(not claim.keys for claim in claims):
            return self._look_again(followed, claims), Worked()
        with self._giving_back(followed, claims):
            return followed, self._done(followed, claims)

    def _look_again(self, followed: Followed, claims: Sequence[Claim]) -> Followed:
        with self._giving_back(followed, claims):
            again = self._follow(followed.name)
            with self._queue(again) as queue:
                queue.restart([claim for claim in claims if not claim.keys])
                queue.release([claim for claim in claims if claim.keys])
            return again

    def _done(self, followed: Followed, claims: Sequence[Claim]) -> Worked:
        keys = list(dict.fromkeys(key for claim in claims for key in claim.keys))
        outcome = self._kept(followed, keys)
        kept = outcome.kept
        with self._queue(followed) as queue:
            queue.finish(claims, kept.again, outcome.failed)
        return Worked(kept.embedded, kept.removed, kept.unchanged, len(outcome.failed))

    def _kept(self, followed: Followed, keys: Sequence[Key]) -> _Outcome:
        """Keep rows, all at once; where that fails the halves, down to the row that is to blame."""
        try:
            return _Outcome(self._kept_together(followed, keys))
        except (*_EVERYBODYS, ProgrammingError):
            raise
        except Exception as error:  # noqa: BLE001 - a model may raise anything, for one row only
            if isinstance(error, EmbeddingError):
                self._require_answer()
            if len(keys) == 1:
                return _Outcome(failed={keys[0]: _reason(error)})
        middle = len(keys) // 2
        return self._kept(followed, keys[:middle]) + self._kept(followed, keys[middle:])

    def _kept_together(self, followed: Followed, keys: Sequence[Key]) -> Kept:
        with self._queue(followed) as queue:
            seen = queue.read(keys)
        vectors = self._embedded(seen)
        with self._queue(followed) as queue:
            return queue.keep(seen, vectors)

    def _embedded(self, seen: Sequence[Seen]) -> dict[str, Vector]:
        texts = sorted({each.text for each in seen if each.text and not each.is_kept}, key=len)
        for text in texts:
            _require_short(text)
        vectors = self.embedder.embed(texts) if texts else ()
        return {text: _with_direction(each) for text, each in zip(texts, vectors, strict=True)}

    def _require_answer(self) -> None:
        """Raise what the model raises for any text: then it is down, and no row is to blame."""
        self.embedder.embed([_PROBE])

    # Transactions ------------------------------------------------------------------------------

    def _follow(self, name: str) -> Followed:
        with database.session(self.engine) as session:
            return AttachmentRepository(session, tenant=self.tenant).follow(name)

    @contextmanager
    def _queue(self, followed: Followed) -> Iterator[RowQueue]:
        with database.session(self.engine) as session:
            yield RowQueue(
                session, followed, self.embedder, tenant=self.tenant, until=followed.since
            )

    @contextmanager
    def _giving_back(self, followed: Followed, claims: Sequence[Claim]) -> Iterator[None]:
        """Give back what was taken if it was not done, also on Ctrl-C."""
        try:
            yield
        except BaseException:
            with suppress(AgentDBError, DBAPIError), self._queue(followed) as queue:
                queue.release(claims)
            raise

    # How far it is -----------------------------------------------------------------------------

    def _bar(self, name: str, tell: Progress | None) -> Callable[[Worked], None]:
        """Return what counts: rows seen, of those that wait and those not looked at yet."""
        if tell is None:
            return lambda _: None
        status = self._status(name)
        begun = max(0, min(status.embedded, status.rows)) if status.state == "back-filling" else 0
        left = status.rows - begun if status.state == "back-filling" else 0
        total = begun + max(left, status.waiting)
        seen = begun

        def count(worked: Worked) -> None:
            nonlocal seen
            seen += worked.embedded + worked.removed + worked.unchanged + worked.failed
            tell(f"embedding {name}", seen, max(total, seen))

        tell(f"embedding {name}", begun, total)
        return count

    def _status(self, name: str) -> AttachmentStatus:
        with database.session(self.engine) as session:
            statuses = AttachmentRepository(session, tenant=self.tenant).status()
        found = next((each for each in statuses if each.name == name), None)
        if found is None:
            raise NotFound(f"{name} has been detached meanwhile")
        return found


def _require_short(text: str) -> None:
    if len(text) > LONGEST:
        raise BadText(
            f"its text has {len(text):,} characters, {LONGEST:,} are allowed: "
            "attach columns that are shorter"
        )


def _with_direction(vector: Vector) -> Vector:
    length = np.linalg.norm(vector)
    if not np.isfinite(length) or length == 0:
        raise BadInput("the model gave a vector that has no direction (zero or NaN)")
    return vector


def _reason(error: Exception) -> str:
    if isinstance(error, AgentDBError):
        return str(error)
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
