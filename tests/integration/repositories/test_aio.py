"""The repositories on an event loop: the same as the sync ones, and good neighbours there."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from pgvector import HalfVector, Vector
from psycopg import AsyncConnection
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format
from sqlalchemy import func, select, text
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from agentdb.database import make_async_engine, make_engine
from agentdb.documents.splitting import Chunk
from agentdb.embedding.embedder import DIMENSION, Vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import AgentDBError, DatabaseUnreachable, ModelUnavailable
from agentdb.repositories.aio import (
    AsyncAgentStateRepository,
    AsyncAnalyticsRepository,
    AsyncAttachmentRepository,
    AsyncConversationRepository,
    AsyncKnowledgeRepository,
    AsyncMemoryRepository,
    AsyncPromptRepository,
)
from agentdb.repositories.analytics import AnalyticsRepository
from agentdb.repositories.attachments import AttachmentRepository
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.knowledge import KnowledgeRepository, NewDocument, Source, Version
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import Found, Memory, NewMemory
from agentdb.repositories.prompts import PromptRepository
from agentdb.repositories.states import AgentStateRepository
from tests.servers import connect, database_name, new_database, run, value

MAY = datetime(2024, 5, 1, tzinfo=UTC)
JUNE = datetime(2024, 6, 1, tzinfo=UTC)
LATER = datetime(2124, 6, 1, tzinfo=UTC)
GIVEN = (MAY, JUNE, LATER)
EMBEDDER = HashingEmbedder()
PATIENCE_SECONDS = 20


@asynccontextmanager
async def opened(url: str, sessions: int = 1) -> AsyncIterator[Sequence[AsyncSession]]:
    """Sessions of one pool; whatever is left open in them is rolled back."""
    engine = make_async_engine(url)
    made = [AsyncSession(engine) for _ in range(sessions)]
    try:
        yield made
    finally:
        for session in made:
            await session.close()
        assert engine.sync_engine.pool.status().endswith("Current Checked out connections: 0")
        await engine.dispose()


def on_a_loop(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work()

    asyncio.run(bounded())


def kept(url: str) -> list[str]:
    """What is in the table of memories, as others see it."""
    with connect(url) as connection:
        rows = connection.execute("SELECT content FROM agentdb.entries ORDER BY content")
        return [content for (content,) in rows]


def open_transactions(url: str) -> object:
    """How many other connections to that database are in a transaction."""
    return value(
        url,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()",
    )


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - a server and a thread set no asyncio.Event
        await asyncio.sleep(0.005)


async def until_one_waits(url: str) -> None:
    """Return when a connection to that database waits for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    await until(lambda: value(url, waiting) == 1)


# The same methods ---------------------------------------------------------------------------------

TWINS = [
    (MemoryRepository, AsyncMemoryRepository),
    (PromptRepository, AsyncPromptRepository),
    (AgentStateRepository, AsyncAgentStateRepository),
    (ConversationRepository, AsyncConversationRepository),
    (AnalyticsRepository, AsyncAnalyticsRepository),
    (AttachmentRepository, AsyncAttachmentRepository),
    (KnowledgeRepository, AsyncKnowledgeRepository),
]


def methods(repository: type) -> dict[str, Callable[..., object]]:
    found = inspect.getmembers(repository, inspect.isfunction)
    return {name: method for name, method in found if not name.startswith("_")}


@pytest.mark.parametrize(("sync", "asynchronous"), TWINS)
def test_twins_have_the_same_methods_with_the_same_parameters(
    sync: type, asynchronous: type
) -> None:
    def signatures(repository: type) -> dict[str, inspect.Signature]:
        return {name: inspect.signature(method) for name, method in methods(repository).items()}

    assert signatures(asynchronous) == signatures(sync)
    assert all(map(inspect.iscoroutinefunction, methods(asynchronous).values()))


@pytest.mark.parametrize(("sync", "asynchronous"), TWINS)
def test_twins_are_made_of_the_same_but_for_the_session(sync: type, asynchronous: type) -> None:
    theirs, ours = (dict(inspect.signature(twin).parameters) for twin in (sync, asynchronous))
    assert (theirs["session"].annotation, ours["session"].annotation) == ("Session", "AsyncSession")
    assert list(theirs) == list(ours)
    theirs["session"] = ours["session"]
    assert theirs == ours


# The same answers ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    method: str
    given: tuple[object, ...] = ()
    named: dict[str, object] = field(default_factory=dict)


def call(method: str, *given: object, **named: object) -> Call:
    return Call(method, given, named)


VECTOR = EMBEDDER.embed(["a town by the sea"])[0]

CALLS = (
    call("add", "The customer likes tea"),
    call("add", "The customer likes tea"),
    call("add", NewMemory("lives in Rome", subject="ann", key="home", valid_from=MAY)),
    call("add", NewMemory("lives in Oslo", subject="ann", key="home", valid_from=JUNE)),
    call("add", NewMemory("lives in Bonn", subject="ann", key="home", valid_from=MAY)),  # refused
    call("add", NewMemory("gone tomorrow", ttl=timedelta(seconds=-1))),
    call("add", "  "),  # refused
    call(
        "add_many",
        [
            NewMemory("ships on Monday", kind="procedure", agent="depot", importance=0.9),
            NewMemory("pays by card", kind="preference", subject="ann", metadata={"amount": 7}),
            NewMemory("a town by the sea", vector=VECTOR),
            "The customer likes tea",
        ],
    ),
    call("add_many", []),
    call("add_many", ["never kept", "\0"]),  # refused
    call("add_many", [f"row {n}" for n in range(60)] + ["row 7", "The customer likes tea"]),
    call("load", [f"row {n}" for n in range(50, 120)]),
    call("load", ["never kept", "\0"]),  # refused
    call("load", ["kept", "\0"], on_error="report"),
    call("get", 1),
    call("get", 404),  # refused
    call("search", "who likes tea"),
    call("search", "tea Monday card", 2, kinds=["procedure", "preference"]),
    call("search", "where does she live", subject="ann"),
    call("search", "where does she live", subject="ann", as_of=MAY + timedelta(days=1)),
    call("search", "card", filter={"amount": {"gt": 5}}),
    call("search", "card", filter={"amount": {"like": 5}}),  # refused
    call("search", "Monday", agent="depot", half_life=timedelta(days=365)),
    call("search", "sea", 1, vector=VECTOR),
    call("search", None, 2, vector=VECTOR),
    call("search", "tea", 2, diversity=0.5),
    call("search_many", ["tea", "Monday card", "nothing of that"], 2),
    call("search_many", []),
    call("search", "tea", 0),  # refused
    call("update", 1, content="The customer likes coffee", importance=0.7),
    call("update", 1, metadata={"amount": 9}, expires_at=LATER),
    call("update", 1),
    call("update", 1, importance=7),  # refused
    call("update", 404, importance=0.1),  # refused
    call("history", "ann", "home"),
    call("history", "ann", "work"),
    call("forget", 1),
    call("forget", subject="ann"),
    call("forget", expired=True),
    call("forget"),  # refused
)


def outcome(answer: object) -> object:
    """What an answer says, without the moment when it was asked."""
    if isinstance(answer, tuple):
        return tuple(map(outcome, answer))
    if isinstance(answer, Found):
        return replace(answer, memory=timeless(answer.memory), score=round(answer.score, 6))
    return timeless(answer) if isinstance(answer, Memory) else answer


def timeless(memory: Memory) -> Memory:
    told = memory.valid_from if memory.valid_from in GIVEN else MAY
    ends = memory.expires_at if memory.expires_at in (None, *GIVEN) else MAY
    return replace(memory, created_at=MAY, valid_from=told, expires_at=ends)


def synchronously(url: str, calls: Sequence[Call]) -> Iterator[object]:
    engine = make_engine(url)
    with Session(engine) as session:
        repository = MemoryRepository(session, EMBEDDER, tenant="acme", namespace="shop")
        for step in calls:
            try:
                yield outcome(getattr(repository, step.method)(*step.given, **step.named))
            except AgentDBError as error:
                yield type(error), str(error)
        session.commit()
    engine.dispose()


async def asynchronously(url: str, calls: Sequence[Call]) -> list[object]:
    got: list[object] = []
    async with opened(url) as (session,):
        repository = AsyncMemoryRepository(session, EMBEDDER, tenant="acme", namespace="shop")
        for step in calls:
            try:
                answer = await getattr(repository, step.method)(*step.given, **step.named)
                got.append(outcome(answer))
            except AgentDBError as error:
                got.append((type(error), str(error)))
        await session.commit()
    return got


@pytest.fixture
def second_url(server: str, template_url: str) -> Iterator[str]:
    with new_database(server, database_name(template_url)) as url:
        yield url


def test_every_method_answers_as_its_twin_and_leaves_the_same(
    database_url: str, second_url: str
) -> None:
    assert {step.method for step in CALLS} == set(methods(MemoryRepository))
    expected = list(synchronously(database_url, CALLS))
    got = asyncio.run(asynchronously(second_url, CALLS))
    for step, one, other in zip(CALLS, expected, got, strict=True):
        assert one == other, step
    assert kept(database_url) == kept(second_url) != []


def test_what_one_twin_keeps_the_other_reads(database_url: str) -> None:
    list(synchronously(database_url, CALLS[:8]))
    reading = [step for step in CALLS if step.method in ("get", "search", "history")]
    expected = list(synchronously(database_url, reading))
    assert asyncio.run(asynchronously(database_url, reading)) == expected


def test_without_an_embedder_words_find_what_was_kept(database_url: str) -> None:
    async def work() -> None:
        async with opened(database_url) as (session,):
            memories = AsyncMemoryRepository(session)
            await memories.add("The customer likes tea")
            (found,) = await memories.search("tea")
            assert (found.memory.content, found.path) == ("The customer likes tea", "words")

    on_a_loop(work)


# The same of documents ----------------------------------------------------------------------------

CHUNKS = [Chunk(n, f"The kettle whistles {n} times.", 0, 30, ("Handbook",)) for n in range(70)]
DOCUMENT = NewDocument(source="b.md", title="B", text_hash="1", chunks=CHUNKS[:2], category="faq")

DOCUMENT_CALLS = (
    call("put", "a.md", "A", CHUNKS, text_hash="1", tags=["shop"], metadata={"position": "top"}),
    call("put", "a.md", "A", CHUNKS, text_hash="1", tags=["shop"], metadata={"position": "top"}),
    call("put", "a.md", "A2", CHUNKS[:1], text_hash="2", category="faq"),
    call("put", "", "A", [], text_hash="2"),  # refused
    call("put_many", [DOCUMENT]),
    call("sources"),
    call("sources", ["a.md"]),
    call("history", "a.md"),
    call("search", "kettle", 2, category="faq"),
    call("search", "kettle", tags=["none"]),
    call("highlight", "kettle", ()),
    call("forget", "a.md"),
    call("forget_many", ["a.md", "b.md"]),
    call("history", "a.md"),
)


def without_moments(answer: object) -> object:
    if isinstance(answer, tuple):
        return tuple(map(without_moments, answer))
    return replace(answer, since=MAY) if isinstance(answer, Source | Version) else outcome(answer)


def test_every_method_about_documents_answers_as_its_twin(
    database_url: str, second_url: str
) -> None:
    assert {step.method for step in DOCUMENT_CALLS} == set(methods(KnowledgeRepository))
    engine = make_engine(database_url)
    with Session(engine) as session:
        expected = [
            without_moments(attempt(KnowledgeRepository(session, EMBEDDER), step))
            for step in DOCUMENT_CALLS
        ]
    engine.dispose()

    async def work() -> None:
        async with opened(second_url) as (session,):
            knowledge = AsyncKnowledgeRepository(session, EMBEDDER)
            for step, one in zip(DOCUMENT_CALLS, expected, strict=True):
                try:
                    answer = await getattr(knowledge, step.method)(*step.given, **step.named)
                except AgentDBError as error:
                    answer = type(error), str(error)
                assert without_moments(answer) == one, step

    on_a_loop(work)


def attempt(repository: KnowledgeRepository, step: Call) -> object:
    try:
        return getattr(repository, step.method)(*step.given, **step.named)
    except AgentDBError as error:
        return type(error), str(error)


# The caller's transaction -------------------------------------------------------------------------


@pytest.mark.parametrize("committed", [True, False])
def test_a_business_row_and_a_memory_are_kept_together_or_not_at_all(
    database_url: str, *, committed: bool
) -> None:
    run(database_url, "CREATE TABLE orders (item text)")

    async def work() -> None:
        async with opened(database_url) as (session,):
            await session.execute(text("INSERT INTO orders VALUES ('kettle')"))
            await AsyncMemoryRepository(session, EMBEDDER).add("Ann bought a kettle")
            assert kept(database_url) == []
            await (session.commit() if committed else session.rollback())

    on_a_loop(work)
    assert value(database_url, "SELECT count(*) FROM orders") == int(committed)
    assert kept(database_url) == ["Ann bought a kettle"] * committed


def test_two_coroutines_work_at_once_and_the_second_writer_of_a_fact_waits(
    database_url: str,
) -> None:
    def home(town: str) -> NewMemory:
        return NewMemory(f"lives in {town}", subject="ann", key="home")

    async def work() -> None:
        async with opened(database_url, sessions=2) as (one, other):
            first = AsyncMemoryRepository(one, EMBEDDER)
            second = AsyncMemoryRepository(other, EMBEDDER)
            await first.add("so that the model is known already")
            await one.commit()
            await first.add(home("Rome"))
            waiting = asyncio.create_task(second.add(home("Oslo")))
            await until_one_waits(database_url)
            assert len(await first.search("lives in", subject="ann")) == 1
            assert not waiting.done()
            await one.commit()
            now = await waiting
            rome, oslo = await second.history("ann", "home")
            assert (rome.content, rome.valid_to) == ("lives in Rome", oslo.valid_from)
            assert (oslo, oslo.valid_to) == (now, None)

    on_a_loop(work)


# While the model works ----------------------------------------------------------------------------


@dataclass
class SlowEmbedder:
    """Takes until the loop has gone on for a while, and looks around meanwhile."""

    url: str
    name: str = EMBEDDER.name
    dimension: int = DIMENSION
    ticks: int = 0
    begun: bool = False
    transactions: list[object] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.begun = True
        until, patience = self.ticks + 5, time.monotonic() + 5
        while self.ticks < until:
            assert time.monotonic() < patience, "the event loop stands still"
            time.sleep(0.005)
        self.transactions.append(open_transactions(self.url))
        return EMBEDDER.embed(texts)

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.002)
            self.ticks += 1


EMBEDDING_CALLS = (
    call("add", "The customer likes tea"),
    call("add", NewMemory("lives in Rome", subject="ann", key="home")),
    call("add_many", ["ships on Monday", "pays by card"]),
    call("search", "tea"),
    call("update", 1, content="The customer likes coffee"),
)


@pytest.mark.parametrize("step", EMBEDDING_CALLS, ids=lambda step: step.method)
def test_while_a_text_is_embedded_the_loop_goes_on_and_no_transaction_is_open(
    database_url: str, step: Call
) -> None:
    async def work() -> None:
        slow = SlowEmbedder(database_url)
        ticking = asyncio.create_task(slow.tick())
        async with opened(database_url) as (session,):
            await AsyncMemoryRepository(session, EMBEDDER).add("something to be changed")
            await session.commit()
            repository = AsyncMemoryRepository(session, slow)
            await getattr(repository, step.method)(*step.given, **step.named)
            assert open_transactions(database_url) == 1
        assert slow.transactions == [0]
        ticking.cancel()

    on_a_loop(work)


@dataclass
class BrokenEmbedder(SlowEmbedder):
    def embed(self, texts: Sequence[str]) -> Vectors:  # noqa: ARG002
        raise ModelUnavailable("no model")


def test_an_error_of_the_model_arrives_and_nothing_is_begun(database_url: str) -> None:
    async def work() -> None:
        async with opened(database_url) as (session,):
            with pytest.raises(ModelUnavailable, match="no model"):
                await AsyncMemoryRepository(session, BrokenEmbedder(database_url)).add("tea")
            assert not session.in_transaction()

    on_a_loop(work)


def test_a_vector_that_is_given_needs_no_model(database_url: str) -> None:
    async def work() -> None:
        async with opened(database_url) as (session,):
            memories = AsyncMemoryRepository(session)
            await memories.add(NewMemory("a town by the sea", vector=VECTOR))
            (found,) = await memories.search("elsewhere", vector=VECTOR)
            assert found.similarity == pytest.approx(1, abs=1e-3)

    on_a_loop(work)


# A cancelled await --------------------------------------------------------------------------------

WAITING_CALLS = (
    call("search", "tea"),
    call("get", 1),
    call("add", "ships on Monday"),
    call("add", NewMemory("lives in Oslo", subject="ann", key="home")),
    call("add_many", ["ships on Monday", "pays by card"]),
    call("load", [f"row {n}" for n in range(100)]),
    call("update", 1, content="The customer likes coffee"),
    call("forget", 1),
)


async def cancelled(work: Awaitable[object], url: str) -> None:
    task = asyncio.ensure_future(work)
    await until_one_waits(url)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def out_of_time(work: Awaitable[object], url: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS / 2) as limit:
        task = asyncio.ensure_future(work)
        await until_one_waits(url)
        limit.reschedule(0)  # now
        await task


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold what everybody else must wait for."""
    with connect(url) as other, other.transaction():
        other.execute("LOCK TABLE agentdb.entries IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.parametrize("step", WAITING_CALLS, ids=lambda step: step.method)
def test_a_cancelled_await_ends_the_transaction_with_all_that_was_in_it(
    database_url: str, step: Call
) -> None:
    run(database_url, "CREATE TABLE orders (item text)")

    async def work() -> None:
        async with opened(database_url) as (session,):
            memories = AsyncMemoryRepository(session, EMBEDDER)
            await memories.add("The customer likes tea")
            await session.commit()
            await session.execute(text("INSERT INTO orders VALUES ('kettle')"))
            with locked(database_url):
                await cancelled(
                    getattr(memories, step.method)(*step.given, **step.named), database_url
                )
                # Its server process hears of it in a moment; then only the lock's holder is left.
                await until(lambda: open_transactions(database_url) == 1)
            with pytest.raises(PendingRollbackError):
                await session.commit()
            await session.rollback()
            assert (await memories.get(1)).content == "The customer likes tea"
            await memories.add("life goes on")
            await session.commit()

    on_a_loop(work)
    assert kept(database_url) == ["The customer likes tea", "life goes on"]
    assert value(database_url, "SELECT count(*) FROM orders") == 0


def test_a_search_that_takes_too_long_ends_as_a_timeout(database_url: str) -> None:
    async def work() -> None:
        async with opened(database_url) as (session,):
            memories = AsyncMemoryRepository(session, EMBEDDER)
            await memories.search("that the model is known")
            await session.commit()
            with locked(database_url):
                with pytest.raises(TimeoutError):
                    await out_of_time(memories.search("tea"), database_url)
                assert open_transactions(database_url) == 1
            await session.rollback()
            assert await memories.search("tea") == ()

    on_a_loop(work)


def test_an_await_that_is_cancelled_while_a_text_is_embedded_has_begun_nothing(
    database_url: str,
) -> None:
    async def work() -> None:
        slow = SlowEmbedder(database_url)
        async with opened(database_url) as (session,):
            memories = AsyncMemoryRepository(session, slow)
            task = asyncio.create_task(memories.add("ships on Monday"))
            await until(lambda: slow.begun)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not session.in_transaction()
            slow.ticks += 5  # so that it ends
            await AsyncMemoryRepository(session, EMBEDDER).add("life goes on")
            await session.commit()

    on_a_loop(work)
    assert kept(database_url) == ["life goes on"]


# The engine ---------------------------------------------------------------------------------------


def test_the_async_engine_has_the_same_parameters_and_sends_vectors_in_binary(
    database_url: str,
) -> None:
    async def work() -> None:
        async with opened(database_url) as (session,):
            name = await session.scalar(select(func.current_setting("application_name")))
            assert name == "agentdb"
            driver = (await (await session.connection()).get_raw_connection()).driver_connection
            assert isinstance(driver, AsyncConnection)
            for wire in (Vector(VECTOR), HalfVector(VECTOR)):
                dumper = Transformer(driver).get_dumper(wire, PyFormat.AUTO)
                assert dumper.format == Format.BINARY

    on_a_loop(work)


def test_the_async_engine_explains_a_server_that_is_not_there() -> None:
    async def work() -> None:
        async with opened("postgresql://me:sesame@127.0.0.1:1/shop") as (session,):
            with pytest.raises(DatabaseUnreachable, match="check AGENTDB_DATABASE_URL") as caught:
                await AsyncMemoryRepository(session).get(1)
            assert "sesame" not in str(caught.value)

    on_a_loop(work)
