"""What an agent remembers, as values: what is given, what is kept, what is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agentdb.embedding.embedder import Vector
from agentdb.errors import AgentDBError
from agentdb.models.base import Json
from agentdb.models.entry import Kind

DEFAULT_TENANT = "default"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewMemory:
    """Something to remember.

    With a `key`, it is the value of that fact about the `subject`: from `valid_from` on it takes
    the place of the one before. `importance` is 0 to 1; `ttl` is how long it is kept; `vector` is
    of the repository's embedder, for a caller who has it already. The same text is another memory
    where its `identity` is another one: what is said twice in a conversation was said twice.

    >>> NewMemory("Ada lives in Paris", subject="ada", key="city").kind
    'fact'
    """

    content: str = field(kw_only=False)
    kind: Kind = "fact"
    subject: str | None = None
    key: str | None = None
    agent: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    importance: float = 0.5
    ttl: timedelta | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    vector: Vector | None = None
    identity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Something remembered; `times` is how often it was said, `valid_to` None while it holds."""

    id: int
    tenant: str
    namespace: str
    kind: Kind
    subject: str | None
    key: str | None
    agent: str | None
    content: str
    metadata: Mapping[str, Json]
    importance: float
    times: int
    created_at: datetime
    valid_from: datetime
    valid_to: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """One of many that cannot be kept: which (from 1 on) and why."""

    number: int
    reason: str
    error: AgentDBError = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many of many are new, how many were known or came again, and what was refused."""

    new: int
    again: int
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A memory that was searched for, and why it came up.

    `score` orders what one search found and says nothing by itself: `similarity` (cosine, -1 to
    1) plus `coverage` (0 to 1: the weight of the words found, of all that were asked for), times
    what importance and age add or take. The ranks are those of each arm by itself, from 1 on;
    None: that arm did not find it. `path` says how vectors were compared: `exact` (one by one),
    `hnsw` (by the index), or `words` where there was none. `rerank_score` is what a reranker
    said, where the repository has one and it was among the first thirty.
    """

    memory: Memory
    score: float
    similarity: float | None
    vector_rank: int | None
    coverage: float | None
    keyword_rank: int | None
    path: str
    rerank_score: float | None = None
