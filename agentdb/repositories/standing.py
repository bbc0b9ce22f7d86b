"""How the record of a target's counters stands: its last reading, its gaps, its size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from agentdb.models import snapshot
from agentdb.models.snapshot import FollowedIndexRow, FollowedStatementRow, SnapshotRow, StretchRow

_TABLES = (
    snapshot.SnapshotRow,
    snapshot.StretchRow,
    snapshot.FollowedStatementRow,
    snapshot.CounterRow,
    snapshot.BucketRow,
    snapshot.FollowedTableRow,
    snapshot.TableDayRow,
    snapshot.FollowedIndexRow,
    snapshot.IndexDayRow,
    snapshot.EventRow,
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Counting began anew then, and why: what was done before and not read is lost."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The last reading of a target, the gaps of late, the statements that are followed.

    `invalid_indexes` are what unfinished builds left, as schema.name; `size_bytes` is what the
    readings of all targets take together.
    """

    taken_at: datetime | None
    gaps: tuple[Gap, ...]
    statements: int
    size_bytes: int
    invalid_indexes: tuple[str, ...]


class StandingRepository:
    """What there is of readings, in the caller's session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, target: str, gaps_since: datetime) -> Standing:
        """Return how the record of a target stands; of its gaps those since a moment."""
        row = self._session.scalars(select(SnapshotRow).filter_by(target=target)).one_or_none()
        if row is None:
            return Standing(None, (), 0, self._size_bytes(), ())
        return Standing(
            row.taken_at,
            self._gaps(row.id, gaps_since),
            self._statements(row.id),
            self._size_bytes(),
            self._invalid_indexes(row.id),
        )

    def _gaps(self, number: int, since: datetime) -> tuple[Gap, ...]:
        first = select(func.min(StretchRow.started_at)).filter_by(snapshot_id=number)
        later = StretchRow.started_at > func.greatest(first.scalar_subquery(), since)
        wanted = select(StretchRow).where(StretchRow.snapshot_id == number, later)
        rows = self._session.scalars(wanted.order_by(StretchRow.started_at))
        return tuple(Gap(row.started_at, row.reason) for row in rows)

    def _statements(self, number: int) -> int:
        counted = select(func.count()).select_from(FollowedStatementRow)
        return self._session.scalars(counted.filter_by(snapshot_id=number)).one()

    def _invalid_indexes(self, number: int) -> tuple[str, ...]:
        index = FollowedIndexRow
        broken = select(index.schema_name, index.name).where(
            index.snapshot_id == number, index.is_valid.is_(False), index.gone_at.is_(None)
        )
        rows = self._session.execute(broken.order_by(index.schema_name, index.name))
        return tuple(f"{row.schema_name}.{row.name}" for row in rows)

    def _size_bytes(self) -> int:
        names = [cast(Table, kind.__table__).fullname for kind in _TABLES]
        sizes = select(*map(func.pg_total_relation_size, names))
        return sum(self._session.execute(sizes).one())
