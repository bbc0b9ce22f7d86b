"""Where in time a difference between two readings belongs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from agentdb.history.series import HOUR


@dataclass(frozen=True, slots=True)
class Place:
    """The bucket that a difference goes to; `seconds` is None for one hour of the clock."""

    start: datetime
    seconds: int | None


def place(start: datetime, end: datetime) -> Place:
    """Return the bucket of what was counted between two readings.

    Up to an hour apart they count for the hour that the middle between them lies in, so that a
    reading that comes some seconds late makes no difference; what lies further apart is a bucket
    of its own, as long as it was.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end - start > HOUR:
        return Place(start, round((end - start).total_seconds()))
    middle = start + (end - start) / 2
    return Place(middle.replace(minute=0, second=0, microsecond=0), None)


def day_of(start: datetime, end: datetime) -> date:
    """Return the day (UTC) that the middle between two readings lies in."""
    start = start.astimezone(UTC)
    return (start + (end - start) / 2).date()
