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
from agentdb.embedding.reranker import Reranker
from agentdb.repositories.analytics import AnalyticsRepository
from agentdb.repositories.attachments import AttachmentRepository
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.knowledge import KnowledgeRepository
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import DEFAULT_TENANT
from agentdb.repositories.prompts import PromptRepository
from agentdb.repositories.states import AgentStateRepository

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


@dataclass(frozen=True, slots=True)
class RerankingOffLoop:
    """A reranker that works in a thread while the loop goes on; for code within `run_sync`."""

    reranker: Reranker

    def scores(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """Return what the reranker returns; a cancelled await leaves it to finish unheard."""
        return await_(asyncio.to_thread(self.reranker.scores, query, texts))


def off_loop(embedder: Embedder | None) -> OffLoop | None:
    """Return the embedder as a repository on an event loop needs it."""
    return None if embedder is None else OffLoop(embedder)


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
        reranker: Reranker | None = None,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        repository = MemoryRepository(
            session.sync_session,
            off_loop(embedder),
            reranker=None if reranker is None else RerankingOffLoop(reranker),
            tenant=tenant,
            namespace=namespace,
        )
        super().__init__(session, repository)

    add = awaited(MemoryRepository.add)
    add_many = awaited(MemoryRepository.add_many)
    load = awaited(MemoryRepository.load)
    get = awaited(MemoryRepository.get)
    search = awaited(MemoryRepository.search)
    search_many = awaited(MemoryRepository.search_many)
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
        own = KnowledgeRepository(
            session.sync_session, off_loop(embedder), tenant=tenant, namespace=namespace
        )
        super().__init__(session, own)

    put = awaited(KnowledgeRepository.put)
    put_many = awaited(KnowledgeRepository.put_many)
    search = awaited(KnowledgeRepository.search)
    sources = awaited(KnowledgeRepository.sources)
    history = awaited(KnowledgeRepository.history)
    highlight = awaited(KnowledgeRepository.highlight)
    forget = awaited(KnowledgeRepository.forget)
    forget_many = awaited(KnowledgeRepository.forget_many)


class AsyncConversationRepository(Twin[ConversationRepository]):
    """What is said between people and agents, in the caller's async session: never committed here.

    The same as `ConversationRepository`, where each method is described. A search looks up which
    speakers its text names before it is embedded: give the vector where the transaction that
    begins with that should not wait for a model.
    """

    def __init__(
        self,
        session: AsyncSession,
        embedder: Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        own = ConversationRepository(
            session.sync_session, off_loop(embedder), tenant=tenant, namespace=namespace
        )
        super().__init__(session, own)

    start = awaited(ConversationRepository.start)
    session = awaited(ConversationRepository.session)
    sessions = awaited(ConversationRepository.sessions)
    end = awaited(ConversationRepository.end)
    forget = awaited(ConversationRepository.forget)
    append = awaited(ConversationRepository.append)
    append_many = awaited(ConversationRepository.append_many)
    history = awaited(ConversationRepository.history)
    search = awaited(ConversationRepository.search)
    record = awaited(ConversationRepository.record)
    interactions = awaited(ConversationRepository.interactions)


class AsyncAnalyticsRepository(Twin[AnalyticsRepository]):
    """What agents did, counted, in the caller's async session.

    The same as `AnalyticsRepository`, where the method is described.
    """

    def __init__(
        self,
        session: AsyncSession,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str | None = None,
    ) -> None:
        own = AnalyticsRepository(session.sync_session, tenant=tenant, namespace=namespace)
        super().__init__(session, own)

    activity = awaited(AnalyticsRepository.activity)


class AsyncPromptRepository(Twin[PromptRepository]):
    """Prompts in the caller's async session: never committed here.

    The same as `PromptRepository`, where each method is described.
    """

    def __init__(
        self,
        session: AsyncSession,
        embedder: Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        own = PromptRepository(
            session.sync_session, off_loop(embedder), tenant=tenant, namespace=namespace
        )
        super().__init__(session, own)

    put = awaited(PromptRepository.put)
    get = awaited(PromptRepository.get)
    list = awaited(PromptRepository.list)
    history = awaited(PromptRepository.history)
    label = awaited(PromptRepository.label)
    unlabel = awaited(PromptRepository.unlabel)
    search = awaited(PromptRepository.search)
    forget = awaited(PromptRepository.forget)
    record = awaited(PromptRepository.record)
    outcomes = awaited(PromptRepository.outcomes)
    best = awaited(PromptRepository.best)
    compare = awaited(PromptRepository.compare)


class AsyncAgentStateRepository(Twin[AgentStateRepository]):
    """Checkpoints of agents' states, in the caller's async session: never committed here.

    The same as `AgentStateRepository`, where each method is described.
    """

    def __init__(
        self,
        session: AsyncSession,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        own = AgentStateRepository(session.sync_session, tenant=tenant, namespace=namespace)
        super().__init__(session, own)

    save = awaited(AgentStateRepository.save)
    last = awaited(AgentStateRepository.last)
    at = awaited(AgentStateRepository.at)
    get = awaited(AgentStateRepository.get)
    list = awaited(AgentStateRepository.list)
    threads = awaited(AgentStateRepository.threads)
    prune = awaited(AgentStateRepository.prune)
    forget = awaited(AgentStateRepository.forget)


class AsyncAttachmentRepository(Twin[AttachmentRepository]):
    """Business tables attached, in the caller's async session: never committed here.

    The same as `AttachmentRepository`, where each method is described.
    """

    def __init__(
        self,
        session: AsyncSession,
        embedder: Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        own = AttachmentRepository(session.sync_session, off_loop(embedder), tenant=tenant)
        super().__init__(session, own)

    attach = awaited(AttachmentRepository.attach)
    detach = awaited(AttachmentRepository.detach)
    get = awaited(AttachmentRepository.get)
    names = awaited(AttachmentRepository.names)
    status = awaited(AttachmentRepository.status)
    search = awaited(AttachmentRepository.search)
    follow = awaited(AttachmentRepository.follow)
