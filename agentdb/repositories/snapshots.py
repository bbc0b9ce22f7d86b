"""What a target's counters did over time, kept small; the session is the caller's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from agentdb.history.catalog import KnownIndex, TableDay
from agentdb.history.events import CatalogEvent
from agentdb.history.series import StatementSeries, Watched


class SnapshotRepository:
    """Readings of targets and what they add up to, in the caller's session: never committed here.

    A target is named `host/database`, without secrets, as audits name it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def series(self, target: str, start: datetime, end: datetime) -> tuple[StatementSeries, ...]:
        """Return what each statement did from `start` to `end`, by hour; older days by day."""
        raise NotImplementedError

    def watched(self, target: str, start: datetime, end: datetime) -> tuple[Watched, ...]:
        """Return the stretches in which nothing was missed, cut to `start` and `end`."""
        raise NotImplementedError

    def catalog_events(
        self, target: str, start: datetime, end: datetime
    ) -> tuple[CatalogEvent, ...]:
        """Return what was first seen changed from `start` to `end`, in the order of time."""
        raise NotImplementedError

    def indexes(
        self, target: str, at: datetime | None = None, *, scans_since: datetime | None = None
    ) -> tuple[KnownIndex, ...]:
        """Return the indexes that were there at a moment (now), with their scans since another."""
        raise NotImplementedError

    def table_history(self, target: str, start: datetime, end: datetime) -> tuple[TableDay, ...]:
        """Return what tables did and how they stood, day by day; days without news are left out."""
        raise NotImplementedError
