"""LangChain's chat history: messages come back as they were given, and are found like others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.history import RunnableWithMessageHistory
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from agentdb.database import make_async_engine, make_engine
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import AgentDBError, BadInput, BadMetadata, BadText
from agentdb.integrations import AgentDBChatMessageHistory
from agentdb.repositories.conversation import NewMessage
from agentdb.repositories.conversations import ConversationRepository
from tests.servers import value

EMBEDDER = HashingEmbedder()
CALL = {"name": "look_up", "args": {"city": "Zürich"}, "id": "call-1", "type": "tool_call"}
SAID: list[BaseMessage] = [
    SystemMessage("You are kind.", id="s1"),
    HumanMessage("Where does Ada live?", name="Bob"),
    AIMessage("", tool_calls=[CALL], id="a1", usage_metadata=None),
    ToolMessage("Ada lives in Zürich", tool_call_id="call-1", id="t1", status="success"),
    FunctionMessage(content="an old kind", name="old"),
    AIMessage(
        [
            {"type": "text", "text": "In Zürich."},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ],
        id="a2",
        response_metadata={"model": "none", "logprobs": [0.5, None]},
    ),
    HumanMessage([{"type": "image_url", "image_url": {"url": "data:,"}}]),
    HumanMessage("  decomposed: e\u0301 and spaces  ", additional_kwargs={"x": [1, {"y": None}]}),
    ChatMessage(content="as somebody else", role="critic"),
    AIMessageChunk(content="streamed", id="run-1"),
]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


def test_messages_come_back_as_they_were_given(engine: Engine) -> None:
    history = AgentDBChatMessageHistory(engine, "chat-1", EMBEDDER)
    assert history.messages == []
    history.add_messages(SAID[:3])
    history.add_messages(SAID[3:])
    assert history.messages == SAID
    assert [type(message) for message in history.messages] == [type(message) for message in SAID]


def test_roles_names_and_ids_are_those_of_the_conversation(engine: Engine) -> None:
    history = AgentDBChatMessageHistory(engine, "chat-1", agent="helper", subject="bob")
    history.add_messages(SAID)
    with Session(engine) as session:
        conversations = ConversationRepository(session)
        kept = conversations.history("chat-1")
        begun = conversations.session("chat-1")
    roles = ["system", "user", "assistant", "tool", "tool", "assistant"]
    assert [each.role for each in kept] == [*roles, "user", "user", "user", "assistant"]
    assert [each.key for each in kept[:4]] == ["s1", None, "a1", "t1"]
    assert (kept[1].speaker, begun.agent, begun.subject) == ("Bob", "helper", "bob")
    assert [kept[at].content for at in (2, 5, 6)] == [
        'look_up {"city": "Zürich"}',
        "In Zürich.",
        "[image_url]",
    ]


def test_what_was_said_is_found(engine: Engine) -> None:
    AgentDBChatMessageHistory(engine, "chat-1", EMBEDDER).add_messages(SAID)
    with Session(engine) as session:
        found = ConversationRepository(session, EMBEDDER).search("who lives in Zürich?", k=1)
    assert found[0].message.content == "Ada lives in Zürich"


def test_a_message_with_an_id_is_kept_once(engine: Engine) -> None:
    history = AgentDBChatMessageHistory(engine, "chat-1")
    history.add_messages([HumanMessage("hello", id="1"), HumanMessage("hello")])
    history.add_messages([HumanMessage("hello", id="1"), HumanMessage("hello")])
    assert [message.id for message in history.messages] == ["1", None, None]


def test_what_others_wrote_into_the_session_is_read_too(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        conversations = ConversationRepository(session)
        conversations.start("chat-1")
        said = [NewMessage(role, f"by {role}") for role in ("user", "assistant", "system")]
        conversations.append_many("chat-1", [*said, NewMessage("tool", "by tool", key="call-1")])
    assert AgentDBChatMessageHistory(engine, "chat-1").messages == [
        HumanMessage("by user"),
        AIMessage("by assistant"),
        SystemMessage("by system"),
        ToolMessage("by tool", tool_call_id="call-1", id="call-1"),
    ]


def test_sessions_are_apart_and_one_can_be_cleared(engine: Engine, database_url: str) -> None:
    first, second = (AgentDBChatMessageHistory(engine, name) for name in ("1", "2"))
    first.add_user_message("hello")
    second.add_ai_message("hello")
    first.clear()
    first.clear()
    assert first.messages == []
    assert second.messages == [AIMessage("hello")]
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == 1


def test_it_takes_part_in_the_transaction_of_a_session(engine: Engine) -> None:
    with Session(engine) as session:
        AgentDBChatMessageHistory(session, "1").add_user_message("hello")
        assert len(AgentDBChatMessageHistory(session, "1").messages) == 1
        session.rollback()
    assert AgentDBChatMessageHistory(engine, "1").messages == []


@pytest.mark.filterwarnings("ignore:RunnableWithMessageHistory is deprecated")
def test_it_is_the_history_of_a_runnable(engine: Engine) -> None:
    model = FakeListChatModel(responses=["Hello Ada", "You are Ada"])
    chat = RunnableWithMessageHistory(
        model, lambda session_id: AgentDBChatMessageHistory(engine, session_id, EMBEDDER)
    )
    config: RunnableConfig = {"configurable": {"session_id": "chat-1"}}
    chat.invoke([HumanMessage("I am Ada")], config)
    chat.invoke([HumanMessage("Who am I?")], config)
    told = [message.content for message in AgentDBChatMessageHistory(engine, "chat-1").messages]
    assert told == ["I am Ada", "Hello Ada", "Who am I?", "You are Ada"]


async def test_the_awaited_methods_do_the_same(database_url: str) -> None:
    async_engine = make_async_engine(database_url)
    try:
        history = AgentDBChatMessageHistory(async_engine, "1", EMBEDDER)
        await history.aadd_messages(SAID)
        assert await history.aget_messages() == SAID
        async with AsyncSession(async_engine) as session:
            joined = AgentDBChatMessageHistory(session, "1")
            await joined.aclear()
            assert await joined.aget_messages() == []
            await session.rollback()
        assert len(await history.aget_messages()) == len(SAID)
        await history.aclear()
        assert await history.aget_messages() == []
    finally:
        await async_engine.dispose()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BadText, HumanMessage("a\x00b")),
        (BadMetadata, HumanMessage("x", additional_kwargs={"n": float("nan")})),
        (BadMetadata, ToolMessage("x", tool_call_id="1", artifact=object())),
        (BadInput, HumanMessage("x", id="i" * 500)),
        (BadInput, RemoveMessage(id="1")),
    ],
)
def test_what_cannot_be_kept_is_refused_with_all_that_came_with_it(
    engine: Engine, database_url: str, error: type[AgentDBError], message: BaseMessage
) -> None:
    with pytest.raises(error) as raised:
        AgentDBChatMessageHistory(engine, "1").add_messages([HumanMessage("hello"), message])
    assert "\n" not in str(raised.value)
    assert value(database_url, "SELECT count(*) FROM agentdb.sessions") == 0
