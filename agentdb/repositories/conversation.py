"""What is said between people and agents, as values: given, kept, found; and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agentdb.embedding.embedder import Vector
from agentdb.models.base import Json
from agentdb.models.conversation import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSession:
    """One conversation: `key` is the caller's name for it, `agent` answers, `subject` asks.

    `ended_at` is None while it goes on.
    """

    key: str
    tenant: str
    namespace: str
    agent: str | None
    subject: str | None
    metadata: Mapping[str, Json]
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewMessage:
    """Something said: `role` is `user`, `assistant`, `system` or `tool`.

    `speaker` is the name of who said it, where several people talk; `key` is the caller's own
    name for the message, with which it is kept only once; `at` is when it was said, now by
    default; `vector` is that of the content, for a caller who has it already.

    >>> NewMessage("user", "the kettle leaks", speaker="Ada").role
    'user'
    """

    role: Role = field(kw_only=False)
    content: str = field(kw_only=False)
    speaker: str | None = None
    key: str | None = None
    tokens: int | None = None
    at: datetime | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    vector: Vector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something said, and where: positions grow within a session, and may leave some out."""

    id: int
    session: str
    position: int
    role: Role
    speaker: str | None
    content: str
    key: str | None
    tokens: int | None
    metadata: Mapping[str, Json]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """A message that was searched for, why it came up, and the turns around it.

    `score` orders what one search found and says nothing by itself. It is the sum of
    `similarity` (cosine), `coverage` (0 to 1: the weight of the words found, of all that were
    asked for), `beside` (what the turns next to it add), 0.8 times `best_of_session`, 0.2 if its
    speaker `is_named` in the question, less 0.2 if it `asks` itself. `path` is `exact` where
    every message was judged, `candidates` where those around the best were. `window` holds the
    turns before and after it and itself, in their order.
    """

    message: Message
    rank: int
    score: float
    similarity: float
    coverage: float
    beside: float
    best_of_session: float
    is_named: bool
    asks: bool
    path: str
    window: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInteraction:
    """One request to an agent, and what came of it; `error` says why, where it failed.

    `processing_ms` is how long it took, in milliseconds; `at` is when it began, now by default.
    """

    agent: str = field(kw_only=False)
    processing_ms: float = field(kw_only=False)
    success: bool = True
    error: str | None = None
    session: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    metadata: Mapping[str, object] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """A request to an agent that was recorded."""

    id: int
    agent: str
    session: str | None
    success: bool
    error: str | None
    processing_ms: float
    tokens_in: int
    tokens_out: int
    metadata: Mapping[str, Json]
    at: datetime
