"""`agentdb attach`, `detach`, `work` and `search --in`: business tables that can be searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Literal

from sqlalchemy import Engine

from agentdb import database
from agentdb.architect.progress import Progress
from agentdb.embedding.embedder import Embedder
from agentdb.repositories.attachment import Attachment, AttachmentStatus, Detached, FoundRow
from agentdb.repositories.attachments import AttachmentRepository
from agentdb.repositories.memories import refuse_bad_query
from agentdb.search.filters import Filter
from agentdb.settings import Settings
from agentdb.wiring.memory import embedder
from agentdb.wiring.storage import storage
from agentdb.wiring.working import Worked, Worker


@dataclass(frozen=True, slots=True)
class Attached:
    """What is attached now, and what was embedded of it; None: that was left to a worker."""

    attachment: Attachment
    worked: Worked | None


def attach(
    settings: Settings,
    table: str,
    text: str,
    *,
    name: str | None,
    later: bool,
    tell: Progress,
) -> Attached:
    """Attach a table, and embed its rows unless that is left to a worker."""
    with _opened(settings) as (engine, model):
        with database.session(engine) as session:
            made = AttachmentRepository(session, model).attach(table, text, name=name)
        if later:
            return Attached(made, None)
        return Attached(made, Worker(engine, model).catch_up([made.name], tell))


def detach(settings: Settings, name: str) -> Detached:
    """Forget all of an attachment."""
    with storage(settings) as engine, database.session(engine) as session:
        return AttachmentRepository(session).detach(name)


def statuses(settings: Settings) -> tuple[AttachmentStatus, ...]:
    """Return what is attached, and how far it is."""
    with storage(settings) as engine, database.session(engine) as session:
        return AttachmentRepository(session).status()


def search_in(
    settings: Settings,
    name: str,
    query: str,
    count: int,
    *,
    where: Filter,
    columns: Sequence[str] | Literal["all"],
) -> tuple[FoundRow, ...]:
    """Return up to `count` rows of an attached table for a text, the best first."""
    refuse_bad_query(query)
    with _opened(settings) as (engine, model):
        vector = model.embed([query])[0]
        with database.session(engine) as session:
            return AttachmentRepository(session, model).search(
                name, query, count, where=where, columns=columns, vector=vector
            )


def work_once(settings: Settings, tell: Progress) -> Worked:
    """Do all that waits, and return what that was."""
    with _opened(settings) as (engine, model):
        return Worker(engine, model).catch_up(tell=tell)


def work(settings: Settings, every: timedelta, tell: Callable[[Worked], None]) -> None:
    """Keep all that is attached in step, until interrupted."""
    with _opened(settings) as (engine, model):
        Worker(engine, model).run(Event(), every=every, tell=tell)


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Engine, Embedder]]:
    with storage(settings) as engine:
        model, _ = embedder(settings, engine)
        yield engine, model
