"""Conversations on an event loop: the same answers as in sync code, and a cancelled await."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from inspect import getmembers, isfunction

import pytest
from sqlalchemy import text
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from agentdb.database import make_async_engine, make_engine
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import AgentDBError
from agentdb.repositories.aio import AsyncAnalyticsRepository, AsyncConversationRepository
from agentdb.repositories.analytics import AnalyticsRepository
from agentdb.repositories.conversation import NewInteraction, NewMessage
from agentdb.repositories.conversations import ConversationRepository
from tests.servers import connect, database_name, new_database, run, value

MAY = datetime(2024, 5, 1, tzinfo=UTC)
EMBEDDER = HashingEmbedder()
WHOSE = {"tenant": "acme", "namespace": "shop"}
PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Call:
    method: str
    given: tuple[object, ...] = ()
    named: dict[str, object] = field(default_factory=dict)


def call(method: str, *given: object, **named: object) -> Call:
    return Call(method, given, named)


CALLS = (
    call("start", "chat", agent="support", subject="ann", metadata={"via": "mail"}, at=MAY),
    call("start", "chat"),
    call("start", ""),  # refused
    call("append", "chat", NewMessage("user", "Is tea better than coffee?", speaker="Ann", at=MAY)),
    call("append", "chat", NewMessage("assistant", "Tea, by far", key="m2", tokens=4, at=MAY)),
    call("append", "chat", NewMessage("assistant", "Tea, by far", key="m2", at=MAY)),
    call("append", "chat", NewMessage("assistant", "Coffee", key="m2", at=MAY)),  # refused
    call("append", "nowhere", NewMessage("user", "hello", at=MAY)),  # refused
    call(
        "append_many",
        "chat",
        [NewMessage("user", "yes", at=MAY), NewMessage("user", "yes", at=MAY)],
    ),
    call(
        "append_many", "chat", [NewMessage("user", "kept?", at=MAY), NewMessage("user", "\0")]
    ),  # refused
    call("session", "chat"),
    call("session", "nowhere"),  # refused
    call("sessions"),
    call("sessions", 1, subject="bob"),
    call("history", "chat"),
    call("history", "chat", 2, before=3),
    call("search", "What does Ann like, tea?"),
    call("search", "tea", 1, window=0, session="chat"),
    call("search", "tea", filter={"a": {"like": 1}}),  # refused
    call("record", NewInteraction("support", 12.5, session="chat", tokens_in=3, at=MAY)),
    call("record", NewInteraction("support", 50, success=False, error="timed out", at=MAY)),
    call("record", NewInteraction("support", -1)),  # refused
    call("interactions"),
    call("interactions", session="chat"),
    call("end", "chat", MAY),
    call("end", "nowhere"),  # refused
    call("start", "gone"),
    call("forget", "gone"),
    call("forget", "gone"),  # refused
)

COUNTED = (call("activity"), call("activity", "week", zone="Asia/Tokyo"), call("activity", "year"))


def told(answer: object) -> object:
    """What an answer says, without the moment when it was asked."""
    if isinstance(answer, tuple):
        return tuple(map(told, answer))
    if isinstance(answer, datetime):
        return answer if answer.year == MAY.year else "now"
    if isinstance(answer, float):
        return round(answer, 6)
    if is_dataclass(answer):
        return {each.name: told(getattr(answer, each.name)) for each in fields(answer)}
    return answer


def synchronously(url: str) -> Iterator[object]:
    engine = make_engine(url)
    with Session(engine) as session:
        talks = ConversationRepository(session, EMBEDDER, **WHOSE)
        reader = AnalyticsRepository(session, **WHOSE)
        for repository, calls in ((talks, CALLS), (reader, COUNTED)):
            for step in calls:
                try:
                    yield told(getattr(repository, step.method)(*step.given, **step.named))
                except AgentDBError as error:
                    yield type(error), str(error)
        session.commit()
    engine.dispose()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncSession]:
    engine = make_async_engine(url)
    async with AsyncSession(engine) as session:
        yield session
    await engine.dispose()


async def asynchronously(url: str) -> list[object]:
    got: list[object] = []
    async with opened(url) as session:
        talks = AsyncConversationRepository(session, EMBEDDER, **WHOSE)
        reader = AsyncAnalyticsRepository(session, **WHOSE)
        for repository, calls in ((talks, CALLS), (reader, COUNTED)):
            for step in calls:
                try:
                    answer = await getattr(repository, step.method)(*step.given, **step.named)
                    got.append(told(answer))
                except AgentDBError as error:
                    got.append((type(error), str(error)))
        await session.commit()
    return got


@pytest.fixture
def second_url(server: str, template_url: str) -> Iterator[str]:
    with new_database(server, database_name(template_url)) as url:
        yield url


def public(repository: type) -> set[str]:
    return {name for name, _ in getmembers(repository, isfunction) if not name.startswith("_")}


def test_every_method_answers_as_its_twin_and_leaves_the_same(
    database_url: str, second_url: str
) -> None:
    assert {step.method for step in CALLS} == public(ConversationRepository)
    assert {step.method for step in COUNTED} == public(AnalyticsRepository)
    expected = list(synchronously(database_url))
    got = asyncio.run(asynchronously(second_url))
    for step, one, other in zip((*CALLS, *COUNTED), expected, got, strict=True):
        assert one == other, step
    refused = [
        each
        for each in expected
        if isinstance(each, tuple) and each[0:1] and isinstance(each[0], type)
    ]
    assert len(refused) == 10
    kept = "SELECT array_agg(content ORDER BY id) FROM agentdb.entries"
    assert value(database_url, kept) == value(second_url, kept) != []


# A cancelled await --------------------------------------------------------------------------------

WAITING_CALLS: Sequence[Call] = (
    call("start", "other"),
    call("append", "chat", NewMessage("user", "never kept")),
    call("append_many", "chat", [NewMessage("user", "never"), NewMessage("user", "kept")]),
    call("history", "chat"),
    call("search", "tea"),
    call("record", NewInteraction("support", 5, session="chat")),
    call("forget", "chat"),
)


async def until_one_waits(url: str) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    while value(url, waiting) != 1:  # noqa: ASYNC110 - a server sets no asyncio.Event
        await asyncio.sleep(0.005)


async def cancelled(work: Awaitable[object], url: str) -> None:
    task = asyncio.ensure_future(work)
    await until_one_waits(url)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def on_a_loop(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work()

    asyncio.run(bounded())


@pytest.mark.parametrize("step", WAITING_CALLS, ids=lambda step: step.method)
def test_a_cancelled_await_ends_the_transaction_with_all_that_was_in_it(
    database_url: str, step: Call
) -> None:
    run(database_url, "CREATE TABLE orders (item text)")

    async def work() -> None:
        async with opened(database_url) as session:
            talks = AsyncConversationRepository(session, EMBEDDER)
            await talks.start("chat")
            await talks.append("chat", NewMessage("user", "I like tea"))
            await session.commit()
            await session.execute(text("INSERT INTO orders VALUES ('kettle')"))
            with connect(database_url) as other, other.transaction():
                other.execute("LOCK TABLE agentdb.sessions, agentdb.entries")
                waiting = getattr(talks, step.method)(*step.given, **step.named)
                await cancelled(waiting, database_url)
            with pytest.raises(PendingRollbackError):
                await session.commit()
            await session.rollback()
            await talks.append("chat", NewMessage("user", "life goes on"))
            await session.commit()
            assert [each.position for each in await talks.history("chat")] == [1, 2]

    on_a_loop(work)
    kept = "SELECT string_agg(content, ', ' ORDER BY id) FROM agentdb.entries"
    assert value(database_url, kept) == "I like tea, life goes on"
    assert value(database_url, "SELECT count(*) FROM orders") == 0
    assert value(database_url, "SELECT count(*) FROM agentdb.interactions") == 0


def test_two_coroutines_append_one_after_the_other(database_url: str) -> None:
    async def work() -> None:
        async with opened(database_url) as one, opened(database_url) as other:
            first, second = (AsyncConversationRepository(each) for each in (one, other))
            await first.start("chat")
            await one.commit()
            await first.append("chat", NewMessage("user", "first"))
            waiting = asyncio.create_task(second.append("chat", NewMessage("user", "second")))
            await until_one_waits(database_url)
            assert len(await first.history("chat")) == 1
            await one.commit()
            assert (await waiting).position == 2

    on_a_loop(work)
