"""What changed on a target between two readings: indexes, settings, the server itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

EventKind = Literal[
    "index_created",
    "index_dropped",
    "index_became_invalid",
    "index_became_valid",
    "setting_changed",
    "version_changed",
    "restarted",
    "counters_lost",
    "statements_forgotten",
]


@dataclass(frozen=True, slots=True)
class CatalogEvent:
    """Something that was so at `at` for the first time, and at `since` not yet.

    Of an index, `definition` is what it is without its name (`USING btree (a) WHERE …`), and
    `schema` and `table` say on what; `detail` is for people: its name, a setting's two values,
    why counters were lost.
    """

    kind: EventKind
    at: datetime
    since: datetime
    detail: str
    schema: str | None = None
    table: str | None = None
    definition: str | None = None
