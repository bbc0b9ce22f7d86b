"""`agentdb remember`, `recall`, `forget`: one memory repository in one transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from agentdb import database
from agentdb.embedding.embedder import Embedder
from agentdb.models.entry import Kind
from agentdb.repositories.memories import MemoryRepository, refuse_bad, refuse_bad_query
from agentdb.repositories.memory import Found, Memory, NewMemory
from agentdb.search.filters import Filter
from agentdb.settings import Settings
from agentdb.wiring.memory import embedder
from agentdb.wiring.storage import storage


def remember(settings: Settings, memory: NewMemory, namespace: str) -> Memory:
    """Keep a memory and return it; it is embedded before the transaction begins."""
    refuse_bad(memory)
    with _opened(settings) as (engine, model):
        ready = replace(memory, vector=model.embed([memory.content])[0])
        with database.session(engine) as session:
            return MemoryRepository(session, model, namespace=namespace).add(ready)


def recall(  # noqa: PLR0913 - each narrows the search by itself
    settings: Settings,
    query: str,
    count: int,
    *,
    namespace: str,
    kinds: Sequence[Kind] | None = None,
    subject: str | None = None,
    filter: Filter | None = None,  # noqa: A002 - what everybody calls it
    as_of: datetime | None = None,
    half_life: timedelta | None = None,
) -> tuple[Found, ...]:
    """Return up to `count` memories for a text, the best first."""
    refuse_bad_query(query)
    with _opened(settings) as (engine, model):
        vector = model.embed([query])[0]
        with database.session(engine) as session:
            return MemoryRepository(session, model, namespace=namespace).search(
                query,
                count,
                kinds=kinds,
                subject=subject,
                filter=filter,
                as_of=as_of,
                half_life=half_life,
                vector=vector,
            )


def forget(
    settings: Settings,
    identifier: int | None,
    subject: str | None,
    *,
    expired: bool,
    namespace: str,
) -> int:
    """Delete memories and return how many there were."""
    with storage(settings) as engine, database.session(engine) as session:
        memories = MemoryRepository(session, namespace=namespace)
        return memories.forget(identifier, subject=subject, expired=expired)


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Engine, Embedder]]:
    with storage(settings) as engine:
        model, _ = embedder(settings, engine)
        yield engine, model
