"""How long numbers over time are kept, and how finely: hours become days, days are forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from agentdb.models.snapshot import (
    BucketRow,
    CounterRow,
    EventRow,
    FollowedIndexRow,
    FollowedStatementRow,
    FollowedTableRow,
    IndexDayRow,
    StretchRow,
    TableDayRow,
)

_DAY_SECONDS = 86_400
_HOUR_SECONDS = 3_600
_SUMMED = ("calls", "milliseconds", "rows", "blocks", "temp_blocks")


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long hours are kept as hours, and for how long anything is kept."""

    hours_for: timedelta = timedelta(days=60)
    days_for: timedelta = timedelta(days=400)


RETENTION = Retention()


def roll_up(session: Session, snapshot_id: int, before: datetime) -> None:
    """Make days (UTC) of a target's buckets that began before the day of a moment.

    What is as long as a day, or longer, stays as it is.
    """
    buckets = cast(Table, BucketRow.__table__)
    midnight = before.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    short = or_(buckets.c.seconds.is_(None), buckets.c.seconds < _DAY_SECONDS)
    taken = (
        delete(buckets)
        .where(buckets.c.start < midnight, _day(buckets) < midnight, short)
        .where(buckets.c.statement_id.in_(_statements(snapshot_id)))
        .returning(*buckets.c)
        .cte("taken")
    )
    sums = (func.sum(taken.c[name]) for name in _SUMMED)
    day = _day(taken)
    days = select(day, taken.c.statement_id, literal(_DAY_SECONDS), *sums)
    grouped = days.group_by(day, taken.c.statement_id)
    names = ("start", "statement_id", "seconds", *_SUMMED)
    session.execute(insert(buckets).from_select(names, grouped))


def _day(buckets: FromClause) -> ColumnElement[datetime]:
    """Return the midnight (UTC) before the middle of a bucket."""
    seconds = func.coalesce(buckets.c.seconds, _HOUR_SECONDS)
    half = func.make_interval(0, 0, 0, 0, 0, 0, seconds / 2.0)
    return func.date_trunc("day", buckets.c.start + half, "UTC")


def forget(session: Session, snapshot_id: int, before: datetime) -> None:
    """Drop what a target did before a moment, and statements of which nothing is left."""
    day = before.astimezone(UTC).date()
    statements = _statements(snapshot_id)
    tables = select(FollowedTableRow.id).where(FollowedTableRow.snapshot_id == snapshot_id)
    indexes = select(FollowedIndexRow.id).where(FollowedIndexRow.snapshot_id == snapshot_id)
    kept = (
        exists().where(BucketRow.statement_id == FollowedStatementRow.id),
        exists().where(CounterRow.statement_id == FollowedStatementRow.id),
    )
    old = (
        delete(BucketRow).where(BucketRow.start < before, BucketRow.statement_id.in_(statements)),
        delete(TableDayRow).where(TableDayRow.day < day, TableDayRow.table_id.in_(tables)),
        delete(IndexDayRow).where(IndexDayRow.day < day, IndexDayRow.index_id.in_(indexes)),
        delete(EventRow).where(EventRow.snapshot_id == snapshot_id, EventRow.at < before),
        delete(StretchRow).where(
            StretchRow.snapshot_id == snapshot_id, StretchRow.ended_at < before
        ),
        delete(FollowedIndexRow).where(
            FollowedIndexRow.snapshot_id == snapshot_id, FollowedIndexRow.gone_at < before
        ),
        delete(FollowedTableRow).where(
            FollowedTableRow.snapshot_id == snapshot_id, FollowedTableRow.gone_at < before
        ),
        delete(FollowedStatementRow).where(
            FollowedStatementRow.snapshot_id == snapshot_id, ~or_(*kept)
        ),
    )
    for each in old:
        session.execute(each.execution_options(synchronize_session=False))


def _statements(snapshot_id: int) -> Select[int]:
    return select(FollowedStatementRow.id).where(FollowedStatementRow.snapshot_id == snapshot_id)
