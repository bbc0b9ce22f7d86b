"""What a target's catalog was over time: its indexes by what they are, its tables day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class KnownIndex:
    """One index, from the reading that first saw it to the one that no longer did.

    `definition` is what it is without its name (`USING btree (a) WHERE …`). An index that was
    there at the very first reading of the target has `first_seen` of that reading. `scans` are
    those counted since the time asked for, to the day; `last_scanned` is the last day with any.
    """

    schema: str
    table: str
    name: str
    definition: str
    is_valid: bool
    is_unique: bool
    is_constraint: bool
    size_bytes: int
    first_seen: datetime
    gone_at: datetime | None
    scans: int
    last_scanned: date | None


@dataclass(frozen=True, slots=True)
class TableDay:
    """One table on one day (UTC): what was done to it, and how it stood at the last reading.

    A day on which nothing happened has none. `modified_rows` are those since `analyzed_at`.
    """

    schema: str
    table: str
    day: date
    sequential_scans: int
    index_scans: int
    inserted: int
    updated: int
    hot_updated: int
    deleted: int
    live_rows: int
    dead_rows: int
    modified_rows: int
    size_bytes: int
    analyzed_at: datetime | None
