"""LangChain's chat history: the messages of one session of `ConversationRepository`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.embeddings import Embeddings
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
    messages_from_dict,
)
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import Embedder
from agentdb.errors import BadInput, NotFound
from agentdb.integrations.binding import Bind, arun, run
from agentdb.integrations.embeddings import as_embedder
from agentdb.models.conversation import ROLES, Role
from agentdb.repositories.conversation import Message, NewMessage
from agentdb.repositories.conversations import ConversationRepository
from agentdb.repositories.memories import LONGEST
from agentdb.repositories.memory import DEFAULT_TENANT

_WHOLE = "langchain"
"""Under which name in the metadata a message is kept as LangChain writes it."""

_ROLES: Mapping[str, Role] = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "developer": "system",
}


class AgentDBChatMessageHistory(BaseChatMessageHistory):
    """The messages of one session, found by `ConversationRepository.search` like all others.

    `bind` is an engine (each call has a transaction of its own) or a session (it takes part in
    the caller's transaction, which the caller commits). A message comes back as it was given,
    with all its parts; one with an id is kept once. `agent` and `subject` are those of the
    session, which begins with its first message. Raises what `ConversationRepository` does.
    """

    def __init__(
        self,
        bind: Bind,
        session_id: str,
        embedder: Embedder | Embeddings | None = None,
        *,
        agent: str | None = None,
        subject: str | None = None,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        super().__init__()
        self._bind = bind
        self._session_id = session_id
        self._embedder = as_embedder(embedder)
        self._agent = agent
        self._subject = subject
        self._whose = {"tenant": tenant, "namespace": namespace}

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # read anew each time
        """All that was said, in its order."""
        return run(self._bind, self._read)

    async def aget_messages(self) -> list[BaseMessage]:
        """Return `messages` without holding up the event loop."""
        return await arun(self._bind, self._read)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Keep messages, one after the other, all or none."""
        new = self._new(messages)
        run(self._bind, lambda session: self._write(session, new))

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Do what `add_messages` does, without holding up the event loop."""
        new = await asyncio.to_thread(self._new, messages)
        await arun(self._bind, lambda session: self._write(session, new))

    def clear(self) -> None:
        """Delete the session with all that was said in it."""
        run(self._bind, self._forget)

    async def aclear(self) -> None:
        """Do what `clear` does, without holding up the event loop."""
        await arun(self._bind, self._forget)

    # Before anything is sent, and in a transaction --------------------------------------------

    def _new(self, messages: Sequence[BaseMessage]) -> list[NewMessage]:
        new = [_given(message) for message in messages]
        if self._embedder is None or not new:
            return new
        vectors = self._embedder.embed([each.content for each in new])
        return [replace(each, vector=row) for each, row in zip(new, vectors, strict=True)]

    def _conversations(self, session: Session) -> ConversationRepository:
        return ConversationRepository(session, self._embedder, **self._whose)

    def _read(self, session: Session) -> list[BaseMessage]:
        try:
            said = self._conversations(session).history(self._session_id)
        except NotFound:
            return []
        return [_taken(each) for each in said]

    def _write(self, session: Session, new: Sequence[NewMessage]) -> None:
        if new:
            conversations = self._conversations(session)
            conversations.start(self._session_id, agent=self._agent, subject=self._subject)
            conversations.append_many(self._session_id, new)

    def _forget(self, session: Session) -> None:
        with suppress(NotFound):
            self._conversations(session).forget(self._session_id)


# LangChain's messages, and ours -------------------------------------------------------------------


def _given(message: BaseMessage) -> NewMessage:
    return NewMessage(
        _role(message),
        _text(message)[:LONGEST],
        speaker=message.name or None,
        key=message.id or None,
        metadata={_WHOLE: message_to_dict(message)},
    )


def _role(message: BaseMessage) -> Role:
    if isinstance(message, ChatMessage):
        return next((role for role in ROLES if role == message.role), "user")
    kind = message.type.removesuffix("MessageChunk").lower()
    if kind not in _ROLES:
        raise BadInput(f"a message of the type {message.type} is not something said: leave it out")
    return _ROLES[kind]


def _text(message: BaseMessage) -> str:
    """Return what a message is found by: its text, or else what stands in place of one."""
    text = str(message.text)
    return text if text.strip() else "\n".join(_instead(message)) or "…"


def _instead(message: BaseMessage) -> Iterator[str]:
    for call in getattr(message, "tool_calls", ()):
        yield f"{call['name']} {json.dumps(call['args'], ensure_ascii=False, default=str)}"
    for part in message.content if isinstance(message.content, list) else ():
        if isinstance(part, dict):
            yield f"[{part.get('type', 'part')}]"


def _taken(message: Message) -> BaseMessage:
    whole: Any = message.metadata.get(_WHOLE)
    if whole is not None:
        return messages_from_dict([whole])[0]
    return _said(message)


def _said(message: Message) -> BaseMessage:
    """Return a message that something else wrote into the session."""
    told: dict[str, Any] = {"content": message.content, "id": message.key, "name": message.speaker}
    match message.role:
        case "user":
            return HumanMessage(**told)
        case "assistant":
            return AIMessage(**told)
        case "system":
            return SystemMessage(**told)
        case "tool":
            return ToolMessage(**told, tool_call_id=message.key or str(message.id))
