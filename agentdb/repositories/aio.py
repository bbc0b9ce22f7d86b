"""The repositories on an event loop: the same methods, awaited; their bodies are the sync ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import await_

from agentdb.embedding.embedder import Embedder, Vectors, version_of
from agentdb.repositories.knowledge import KnowledgeRepository
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import DEFAULT_TENANT

Repository = TypeVar("Repository")
Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Twin(Generic[Repository]):
    """A repository and the async session that its own one belongs to."""

    def __init__(self, session: AsyncSession, repository: Repository) -> None:
        self._session = session
        self._repository = repository


def awaited(
    method: Callable[Concatenate[Repository, Given], Answer],
) -> Callable[Concatenate[Twin[Repository], Given], Coroutine[Any, Any, Answer]]:
    """Return the method of a twin that runs a sync repository's: same parameters, same answer.

    It waits for the database, and for the embedder (`OffLoop`), without holding up the loop.
    """

    @wraps(method)
    async def carried(
        twin: Twin[Repository], /, *given: Given.args, **named: Given.kwargs
    ) -> Answer:
        return await twin._session.run_sync(  # noqa: SLF001 - it becomes a method of the class
            lambda _: method(twin._repository, *given, **named)  # noqa: SLF001
        )

    return carried


@dataclass(frozen=True, slots=True)
class OffLoop:
    """An embedder that works in a thread while the loop goes on; for code within `run_sync`.

    The repositories embed before they touch their session: no transaction is begun meanwhile.
    """

    embedder: Embedder

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.embedder.name

    @property
    def dimension(self) -> int:
        """How many numbers each vector has."""
        return self.embedder.dimension

    @property
    def version(self) -> str:
        """The version of the model, where it says so."""
        return version_of(self.embedder)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return what the embedder returns; a cancelled await leaves it to finish unheard."""
        return await_(asyncio.to_thread(self.embedder.embed, texts))


class AsyncMemoryRepository(Twin[MemoryRepository]):
    """What an agent remembers, in the caller's async session: never committed here.

    The same as `MemoryRepository`, where each method is described. A caller's transaction that
    is open already stays open while a text is embedded: begin it with the memory, or give the
    vector.
    """

    def __init__(
        self,
        session: AsyncSession,
        embedder: Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        off_loop = None if embedder is None else OffLoop(embedder)
        super().__init__(
            session,
            MemoryRepository(session.sync_session, off_loop, tenant=tenant, namespace=namespace),
        )

    add = awaited(MemoryRepository.add)
    add_many = awaited(MemoryRepository.add_many)
    load = awaited(MemoryRepository.load)
    get = awaited(MemoryRepository.get)
    search = awaited(MemoryRepository.search)
    update = awaited(MemoryRepository.update)
    forget = awaited(MemoryRepository.forget)
    history = awaited(MemoryRepository.history)


class AsyncKnowledgeRepository(Twin[KnowledgeRepository]):
    """What agents can look up, in the caller's async session: never committed here.

    The same as `KnowledgeRepository`, where each method is described.
    """

    def __init__(
        self,
        session: AsyncSession,
        embedder: Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        off_loop = None if embedder is None else OffLoop(embedder)
        super().__init__(
            session,
            KnowledgeRepository(session.sync_session, off_loop, tenant=tenant, namespace=namespace),
        )

    put = awaited(KnowledgeRepository.put)
    put_many = awaited(KnowledgeRepository.put_many)
    search = awaited(KnowledgeRepository.search)
    sources = awaited(KnowledgeRepository.sources)
    history = awaited(KnowledgeRepository.history)
    highlight = awaited(KnowledgeRepository.highlight)
    forget = awaited(KnowledgeRepository.forget)
    forget_many = awaited(KnowledgeRepository.forget_many)
