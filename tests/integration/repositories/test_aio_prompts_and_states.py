"""Prompts and agents' states on an event loop: the same as the sync ones, with the same answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.errors import AgentDBError, Conflict
from agentdb.repositories.aio import AsyncAgentStateRepository, AsyncPromptRepository
from agentdb.repositories.prompts import PromptRepository
from agentdb.repositories.states import AgentStateRepository
from tests.integration.repositories.test_aio import (
    EMBEDDER,
    Call,
    SlowEmbedder,
    call,
    cancelled,
    methods,
    on_a_loop,
    open_transactions,
    opened,
    until_one_waits,
)
from tests.servers import connect, database_name, new_database, run, value

THEN = datetime(2024, 5, 1, tzinfo=UTC)
LATER = datetime(2124, 6, 1, tzinfo=UTC)
OWN = {"tenant": "acme", "namespace": "shop"}

PROMPT_CALLS = (
    call("put", "greet", "Hello $name", labels=["production"]),
    call("put", "greet", "Hello $name"),
    call("put", "greet", "Dear $name", description="a letter", metadata={"model": "small"}),
    call("put", "greet", "Dear $name", metadata={"model": "large"}),  # refused
    call("put", "greet", "$"),  # refused
    call("put", "triage", "Which queue? $text", vector=EMBEDDER.embed(["a queue"])[0]),
    call("get", "greet"),
    call("get", "greet", 1),
    call("get", "greet", label="production"),
    call("get", "greet", 404),  # refused
    call("label", "greet", "production", 2),
    call("label", "greet", "production", 404),  # refused
    call("list"),
    call("list", label="production"),
    call("history", "greet"),
    call("search", "which queue", 1),
    call("search", "letter", filter={"model": "small"}),
    call("search", "letter", filter={"model": {"like": "s"}}),  # refused
    call("record", "greet", 1, success=True, latency_ms=12.5, tokens=7, task="mail"),
    call("record", "greet", 2, success=False, score=0.25),
    call("record", "greet", 404),  # refused
    call("outcomes", "greet"),
    call("outcomes", task="mail", since=THEN),
    call("outcomes"),  # refused
    call("best", "greet"),
    call("best", task="mail", enough=1),
    call("best", "greet", by="score", enough=1),
    call("compare", "greet", 1, 2),
    call("compare", "greet", 1, 404),  # refused
    call("unlabel", "greet", "production"),
    call("unlabel", "greet", "production"),
    call("forget", "triage"),
    call("forget", "triage"),
)

STATE_CALLS = (
    call("last", "bot", "t"),
    call("save", "bot", "t", {"step": 1}, expected_version=0),
    call("save", "bot", "t", {"step": 1}),
    call("save", "bot", "t", {"step": 2}, id="two", metadata={"by": "me"}),
    call("save", "bot", "t", {"step": 3}, id="two"),  # refused
    call("save", "bot", "t", {"step": 3}, expected_version=1),  # refused
    call("save", "bot", "t", {"step": float("nan")}),  # refused
    call("save", "bot", "t", {"of": "a part"}, checkpoint_ns="part", parent="elsewhere"),
    call("last", "bot", "t"),
    call("at", "bot", "t", LATER),
    call("at", "bot", "t", THEN),
    call("get", "bot", "t", id="two"),
    call("get", "bot", "t", version=404),  # refused
    call("list", "bot", "t", filter={"by": "me"}),
    call("list", "bot", "t", before=2, limit=1),
    call("threads"),
    call("prune", "bot", keep=1),
    call("list", "bot", "t"),
    call("save", "bot", "gone", {"step": 1}),
    call("forget", "bot", "gone"),
)


def timeless(answer: Any) -> Any:  # noqa: ANN401 - of all kinds
    """What an answer says, without the moment when it was asked and the ids made then."""
    if isinstance(answer, tuple):
        return tuple(map(timeless, answer))
    if is_dataclass(answer) and not isinstance(answer, type):
        told = {field.name: getattr(answer, field.name) for field in fields(answer)}
        return replace(answer, **{name: _timeless(name, each) for name, each in told.items()})
    return answer


def _timeless(name: str, told: Any) -> Any:  # noqa: ANN401 - of all kinds
    if isinstance(told, datetime):
        return THEN
    if name in ("id", "parent") and told is not None and len(told) == len(str(UUID(int=0))):
        return "made"
    return timeless(told)


def synchronously(url: str, twin: type, calls: Sequence[Call], given: Mapping[str, Any]) -> Any:  # noqa: ANN401
    engine = make_engine(url)
    with Session(engine) as session:
        repository = twin(session, **given)
        for step in calls:
            try:
                yield timeless(getattr(repository, step.method)(*step.given, **step.named))
            except AgentDBError as error:
                yield type(error), str(error)
        session.commit()
    engine.dispose()


async def asynchronously(
    url: str, twin: type, calls: Sequence[Call], given: Mapping[str, Any]
) -> list[object]:
    got: list[object] = []
    async with opened(url) as (session,):
        repository = twin(session, **given)
        for step in calls:
            try:
                answer = await getattr(repository, step.method)(*step.given, **step.named)
                got.append(timeless(answer))
            except AgentDBError as error:
                got.append((type(error), str(error)))
        await session.commit()
    return got


def kept(url: str) -> list[str]:
    """What is in our tables, as others see it, without moments, ids and vectors."""
    told = (
        "SELECT name || newest FROM agentdb.prompts",
        "SELECT name || version || template FROM agentdb.prompt_versions",
        "SELECT name || label || version FROM agentdb.prompt_labels",
        "SELECT name || version || coalesce(task, '') FROM agentdb.prompt_uses",
        "SELECT content FROM agentdb.entries",
        "SELECT thread || checkpoint_ns || newest FROM agentdb.agent_threads",
        "SELECT version || state::text FROM agentdb.agent_states",
    )
    with connect(url) as connection:
        rows = connection.execute(f"{' UNION ALL '.join(told)} ORDER BY 1".encode())
        return [told for (told,) in rows]


@pytest.fixture
def second_url(server: str, template_url: str) -> Iterator[str]:
    with new_database(server, database_name(template_url)) as url:
        yield url


@pytest.mark.parametrize(
    ("sync", "twin", "calls", "given"),
    [
        (PromptRepository, AsyncPromptRepository, PROMPT_CALLS, {**OWN, "embedder": EMBEDDER}),
        (AgentStateRepository, AsyncAgentStateRepository, STATE_CALLS, OWN),
    ],
    ids=["prompts", "states"],
)
def test_every_method_answers_as_its_twin_and_leaves_the_same(
    database_url: str,
    second_url: str,
    sync: type,
    twin: type,
    calls: Sequence[Call],
    given: dict[str, Any],
) -> None:
    assert {step.method for step in calls} == set(methods(sync))
    expected = list(synchronously(database_url, sync, calls, given))
    got = asyncio.run(asynchronously(second_url, twin, calls, given))
    for step, one, other in zip(calls, expected, got, strict=True):
        assert one == other, step
    assert kept(database_url) == kept(second_url) != []


@pytest.mark.parametrize("committed", [True, False])
def test_a_business_row_a_prompt_and_a_state_are_kept_together_or_not_at_all(
    database_url: str, *, committed: bool
) -> None:
    run(database_url, "CREATE TABLE orders (item text)")

    async def work() -> None:
        async with opened(database_url) as (session,):
            await session.execute(text("INSERT INTO orders VALUES ('kettle')"))
            await AsyncPromptRepository(session, EMBEDDER).put("greet", "Hello")
            await AsyncAgentStateRepository(session).save("bot", "t", {"a": 1})
            assert kept(database_url) == []
            await (session.commit() if committed else session.rollback())

    on_a_loop(work)
    assert value(database_url, "SELECT count(*) FROM orders") == int(committed)
    assert bool(kept(database_url)) == committed


def test_while_a_prompt_is_embedded_the_loop_goes_on_and_no_transaction_is_open(
    database_url: str,
) -> None:
    async def work() -> None:
        slow = SlowEmbedder(database_url)
        ticking = asyncio.create_task(slow.tick())
        async with opened(database_url) as (session,):
            await AsyncPromptRepository(session, slow).put("greet", "Hello")
            assert open_transactions(database_url) == 1
        assert slow.transactions == [0]
        ticking.cancel()

    on_a_loop(work)


def test_the_second_coroutine_that_saves_waits_and_then_learns_of_the_first(
    database_url: str,
) -> None:
    async def work() -> None:
        async with opened(database_url, sessions=2) as (one, other):
            first, second = AsyncAgentStateRepository(one), AsyncAgentStateRepository(other)
            await first.save("bot", "t", {"a": 1}, expected_version=0)
            waiting = asyncio.create_task(second.save("bot", "t", {"a": 2}, expected_version=0))
            await until_one_waits(database_url)
            assert not waiting.done()
            await one.commit()
            with pytest.raises(Conflict, match="is at version 1, not 0"):
                await waiting
            assert (await second.save("bot", "t", {"a": 2}, expected_version=1)).version == 2

    on_a_loop(work)


def test_a_cancelled_save_leaves_nothing_and_the_session_goes_on(database_url: str) -> None:
    async def work() -> None:
        async with opened(database_url, sessions=2) as (one, other):
            await AsyncAgentStateRepository(one).save("bot", "t", {"a": 1})
            states = AsyncAgentStateRepository(other)
            await cancelled(states.save("bot", "t", {"a": 2}), database_url)
            await one.commit()
            await other.rollback()
            assert (await states.save("bot", "t", {"a": 3})).version == 2
            await other.commit()

    on_a_loop(work)
    assert kept(database_url) == ['1{"a": 1}', '2{"a": 3}', "t2"]
