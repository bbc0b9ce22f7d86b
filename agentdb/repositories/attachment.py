"""What is attached, as values: the attachment, how far it is, and the rows that a search finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from agentdb.models.attachment import Scan

State = Literal["in step", "behind", "back-filling", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A business table whose rows can be searched; `table` and the columns as they are called now.

    `text` is how the text of a row is made. `trouble` says why it cannot be kept in step any
    more: None while it can.
    """

    id: int
    name: str
    table: str
    key: tuple[str, ...]
    text: str
    created_at: datetime
    scan: Scan
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentStatus:
    """How far an attachment is.

    `rows` of the table are an estimate from 10,000 on; `embedded` can be found; `waiting` were
    written and not looked at since; `failed` are tried again, for `error`, the latest reason.
    `lag_seconds`: how long the oldest that waits has waited.
    """

    name: str
    table: str
    text: str
    state: State
    rows: int
    embedded: int
    waiting: int
    failed: int
    lag_seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class Detached:
    """What was attached, and how many entries went with it."""

    name: str
    entries: int


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row of a business table that was searched for, and why it came up.

    `key` is its primary key; `row` the columns that were asked for, as the table has them now.
    The rest as in `agentdb.Found`.
    """

    key: tuple[object, ...]
    score: float
    similarity: float | None
    vector_rank: int | None
    coverage: float | None
    keyword_rank: int | None
    path: str
    row: Mapping[str, object] = field(default_factory=dict)
