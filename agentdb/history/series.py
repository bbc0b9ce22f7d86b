"""What one statement did over time, hour by hour; what everything that judges time reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a statement did from `start` on, for `length`; an hour without calls has none.

    Totals of all calls; blocks are of 8 kB, those of tables and indexes, hit or read, and
    `temp_blocks` those of what did not fit into work_mem.
    """

    start: datetime
    length: timedelta
    calls: int
    milliseconds: float
    rows: int
    blocks: int
    temp_blocks: int = 0

    @property
    def end(self) -> datetime:
        """When the next one begins."""
        return self.start.astimezone(UTC) + self.length


@dataclass(frozen=True, slots=True)
class StatementSeries:
    """One statement over time, whoever sent it; `buckets` in the order of time.

    `tables` are the qualified names of the tables it reads or writes (those behind its views,
    too); `writes` tells whether it changes rows.
    """

    fingerprint: str
    query: str
    tables: frozenset[str]
    writes: bool
    buckets: tuple[Bucket, ...]

    def between(self, start: datetime, end: datetime) -> tuple[Bucket, ...]:
        """Return the buckets that lie wholly inside a stretch of time."""
        return tuple(b for b in self.buckets if start <= b.start and b.end <= end)


@dataclass(frozen=True, slots=True)
class Watched:
    """A stretch of time in which the counters were followed without a gap.

    A statement without a bucket in it was not called then; outside of every stretch nobody knows.
    """

    start: datetime
    end: datetime
