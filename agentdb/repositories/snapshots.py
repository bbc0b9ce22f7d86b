"""What a target's counters did over time, kept small; the session is the caller's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, Table, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from agentdb.history.buckets import day_of, place
from agentdb.history.catalog import KnownIndex, TableDay
from agentdb.history.deltas import Deltas, TableDelta, differences
from agentdb.history.events import CatalogEvent
from agentdb.history.reading import Reading, TableCounters, Work
from agentdb.history.series import HOUR, Bucket, StatementSeries, Watched
from agentdb.models.snapshot import (
    BucketRow,
    EventRow,
    FollowedIndexRow,
    FollowedStatementRow,
    FollowedTableRow,
    IndexDayRow,
    SnapshotRow,
    StretchRow,
    TableDayRow,
)
from agentdb.repositories.readings import LastReadings, Numbers
from agentdb.repositories.retention import RETENTION, Retention, forget, roll_up
from agentdb.repositories.upserts import Values, upsert

_NO_WORK = Work(0, 0, 0, 0, 0, 0)
_STANDING = ("live_rows", "dead_rows", "modified_rows", "size_bytes", "analyzed_at")


class SnapshotRepository:
    """Readings of targets and what they add up to, in the caller's session: never committed here.

    A target is named `host/database`, without secrets, as audits name it. Whoever keeps readings
    of one must be alone with that: `agentdb.wiring.snapshotting` is.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    # What is kept

    def keep(self, reading: Reading, retention: Retention = RETENTION) -> Deltas:
        """Keep what was done since the last reading of this target, and return it.

        The first reading of a day (UTC) also rolls up and forgets what has become old.
        """
        last = LastReadings(self._session)
        before = last.get(reading.target)
        deltas = differences(before, reading)
        numbers = last.replace(before, reading, deltas)
        self._keep_stretch(numbers.snapshot, before, deltas)
        self._keep_buckets(numbers, deltas)
        self._keep_table_days(numbers, before, deltas)
        self._keep_index_days(numbers, deltas)
        self._keep_events(numbers.snapshot, deltas)
        if before and _day(before.taken_at) != _day(reading.taken_at):
            roll_up(self._session, numbers.snapshot, reading.taken_at - retention.hours_for)
            forget(self._session, numbers.snapshot, reading.taken_at - retention.days_for)
        return deltas

    def _keep_stretch(self, number: int, before: Reading | None, deltas: Deltas) -> None:
        if deltas.gap is None and before is not None:
            last = StretchRow.snapshot_id == number, StretchRow.ended_at == before.taken_at
            self._session.execute(update(StretchRow).where(*last).values(ended_at=deltas.end))
            return
        values = {"ended_at": deltas.end, "reason": deltas.gap}
        new = postgresql.insert(StretchRow).values(
            snapshot_id=number, started_at=deltas.start, **values
        )
        key = ["started_at", "snapshot_id"]
        self._session.execute(new.on_conflict_do_update(index_elements=key, set_=values))

    def _keep_buckets(self, numbers: Numbers, deltas: Deltas) -> None:
        where = place(deltas.start, deltas.end)
        rows = [
            {
                "start": where.start,
                "statement_id": numbers.statements[delta.statement.fingerprint],
                "seconds": where.seconds,
                "calls": delta.spent.calls,
                "milliseconds": delta.spent.milliseconds,
                "rows": delta.spent.rows,
                "blocks": delta.spent.blocks,
                "temp_blocks": delta.spent.temp_blocks or None,
            }
            for delta in deltas.statements
        ]
        upsert(self._session, _columns(BucketRow), rows, _added)

    def _keep_table_days(self, numbers: Numbers, before: Reading | None, deltas: Deltas) -> None:
        was = {} if before is None else {table.oid: table for table in before.tables}
        day = day_of(deltas.start, deltas.end)
        rows = [
            _table_day(numbers.tables[delta.table.schema, delta.table.name], day, delta)
            for delta in deltas.tables
            if _is_news(was.get(delta.table.oid), delta)
        ]
        upsert(self._session, _columns(TableDayRow), rows, _worked)

    def _keep_index_days(self, numbers: Numbers, deltas: Deltas) -> None:
        day = day_of(deltas.start, deltas.end)
        rows = [
            {"day": day, "index_id": numbers.indexes[delta.index.oid], "scans": delta.scans}
            for delta in deltas.indexes
            if delta.scans
        ]
        upsert(self._session, _columns(IndexDayRow), rows, _added)

    def _keep_events(self, number: int, deltas: Deltas) -> None:
        rows = [
            {
                "snapshot_id": number,
                "at": event.at,
                "since": event.since,
                "kind": event.kind,
                "detail": event.detail,
                "schema_name": event.schema,
                "table_name": event.table,
                "definition": event.definition,
            }
            for event in deltas.events
        ]
        if rows:
            self._session.execute(insert(EventRow), rows)

    # What is read back

    def series(self, target: str, start: datetime, end: datetime) -> tuple[StatementSeries, ...]:
        """Return what each statement called from `start` to `end` did, by hour.

        Older ones come by day; what was counted between readings more than an hour apart is one
        bucket as long as that. Buckets are those that begin from `start` on and before `end`.
        """
        statements, buckets = _columns(FollowedStatementRow), _columns(BucketRow)
        followed = select(*statements.c).where(statements.c.snapshot_id == _number(target))
        known = {row.id: row for row in self._session.execute(followed)}
        wanted = buckets.c.start >= start, buckets.c.start < end
        of_target = buckets.c.statement_id.in_(followed.with_only_columns(statements.c.id))
        found: defaultdict[int, list[Bucket]] = defaultdict(list)
        ordered = select(*buckets.c).where(*wanted, of_target).order_by(buckets.c.start)
        for row in self._session.execute(ordered):
            length = HOUR if row.seconds is None else timedelta(seconds=row.seconds)
            counted = (row.calls, row.milliseconds, row.rows, row.blocks, row.temp_blocks or 0)
            found[row.statement_id].append(Bucket(row.start, length, *counted))
        family = _Family(self._tables(target))
        return tuple(
            StatementSeries(
                known[number].fingerprint,
                known[number].query,
                family.of(known[number].tables),
                known[number].writes,
                tuple(found[number]),
            )
            for number in sorted(found)
        )

    def watched(self, target: str, start: datetime, end: datetime) -> tuple[Watched, ...]:
        """Return the stretches in which nothing was missed, cut to `start` and `end`."""
        wanted = select(StretchRow).where(
            StretchRow.snapshot_id == _number(target),
            StretchRow.started_at < end,
            StretchRow.ended_at > start,
            StretchRow.started_at < StretchRow.ended_at,
        )
        rows = self._session.scalars(wanted.order_by(StretchRow.started_at))
        return tuple(Watched(max(row.started_at, start), min(row.ended_at, end)) for row in rows)

    def catalog_events(
        self, target: str, start: datetime, end: datetime
    ) -> tuple[CatalogEvent, ...]:
        """Return what was first seen changed from `start` to `end`, in the order of time."""
        wanted = select(EventRow).where(
            EventRow.snapshot_id == _number(target), EventRow.at >= start, EventRow.at <= end
        )
        rows = self._session.scalars(wanted.order_by(EventRow.at, EventRow.id))
        return tuple(map(_event, rows))

    def indexes(
        self, target: str, at: datetime | None = None, *, scans_since: datetime | None = None
    ) -> tuple[KnownIndex, ...]:
        """Return the indexes that are there, or were at a moment, and their scans since another.

        Scans are counted by day, so that those of the whole first day are among them.
        """
        index = FollowedIndexRow
        wanted = select(index).where(index.snapshot_id == _number(target))
        if at is None:
            wanted = wanted.where(index.gone_at.is_(None))
        else:
            later = or_(index.gone_at.is_(None), index.gone_at > at)
            wanted = wanted.where(index.first_seen <= at, later)
        rows = self._session.scalars(wanted.order_by(index.id)).all()
        scans = self._scans([row.id for row in rows], scans_since)
        return tuple(_known_index(row, at, *scans.get(row.id, (0, None))) for row in rows)

    def _scans(
        self, numbers: Collection[int], since: datetime | None
    ) -> Mapping[int, tuple[int, date]]:
        first = date.min if since is None else _day(since)
        scans = func.sum(IndexDayRow.scans).filter(IndexDayRow.day >= first)
        found = select(
            IndexDayRow.index_id,
            func.coalesce(scans, 0).label("scans"),
            func.max(IndexDayRow.day).label("last"),
        ).where(IndexDayRow.index_id.in_(numbers))
        rows = self._session.execute(found.group_by(IndexDayRow.index_id))
        return {row.index_id: (int(row.scans), row.last) for row in rows}

    def table_history(self, target: str, start: datetime, end: datetime) -> tuple[TableDay, ...]:
        """Return what tables did and how they stood, day by day; days without news are left out."""
        days, tables = _columns(TableDayRow), _columns(FollowedTableRow)
        wanted = (
            select(tables.c.schema_name, tables.c.table_name, *days.c)
            .join_from(days, tables, days.c.table_id == tables.c.id)
            .where(tables.c.snapshot_id == _number(target))
            .where(days.c.day.between(_day(start), _day(end)))
            .order_by(days.c.day, tables.c.schema_name, tables.c.table_name)
        )
        kept = (*Work.__slots__, *_STANDING, "day")
        return tuple(
            TableDay(
                schema=row.schema_name,
                table=row.table_name,
                **{name: getattr(row, name) for name in kept},
            )
            for row in self._session.execute(wanted)
        )

    def _tables(self, target: str) -> Iterator[tuple[str, str]]:
        """Return each partition with what it is one of."""
        columns = (FollowedTableRow.schema_name, FollowedTableRow.table_name)
        partitions = select(*columns, FollowedTableRow.parent).where(
            FollowedTableRow.snapshot_id == _number(target), FollowedTableRow.parent.is_not(None)
        )
        for row in self._session.execute(partitions):
            yield f"{row.schema_name}.{row.table_name}", str(row.parent)


class _Family:
    """Which tables are parts of which: what reads one may read its partitions and what it is of."""

    def __init__(self, partitions: Iterable[tuple[str, str]]) -> None:
        self._parents = dict(partitions)
        self._parts: defaultdict[str, list[str]] = defaultdict(list)
        for part, parent in self._parents.items():
            self._parts[parent].append(part)

    def of(self, tables: Sequence[str]) -> frozenset[str]:
        """Return tables with all that is above and below them."""
        above = (name for table in tables for name in self._above(table))
        below = (name for table in tables for name in self._below(table))
        return frozenset((*tables, *above, *below))

    def _above(self, table: str) -> Iterator[str]:
        parent = self._parents.get(table)
        if parent is not None:
            yield parent
            yield from self._above(parent)

    def _below(self, table: str) -> Iterator[str]:
        for part in self._parts.get(table, ()):
            yield part
            yield from self._below(part)


def _columns(kind: type) -> Table:
    return cast(Table, kind.__table__)  # type: ignore[attr-defined]


def _number(target: str) -> ColumnElement[int]:
    return select(SnapshotRow.id).where(SnapshotRow.target == target).scalar_subquery()


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _added(name: str, old: ColumnElement[int], new: ColumnElement[int]) -> ColumnElement[int]:
    """Let what is there and what is new make a sum; nothing and NULL stay NULL."""
    if name == "seconds":
        return new
    if name == "temp_blocks":
        return func.nullif(func.coalesce(old, 0) + func.coalesce(new, 0), 0)
    return old + new


def _worked(name: str, old: ColumnElement[int], new: ColumnElement[int]) -> ColumnElement[int]:
    return old + new if name in Work.__slots__ else new


def _table_day(table_id: int, day: date, delta: TableDelta) -> Values:
    work = delta.work or _NO_WORK
    return {
        "day": day,
        "table_id": table_id,
        **{name: getattr(work, name) for name in Work.__slots__},
        **{name: getattr(delta.table, name) for name in _STANDING},
    }


def _is_news(was: TableCounters | None, delta: TableDelta) -> bool:
    if was is None or delta.work not in {None, _NO_WORK}:
        return True
    return any(getattr(was, name) != getattr(delta.table, name) for name in _STANDING)


def _event(row: EventRow) -> CatalogEvent:
    place = (row.schema_name, row.table_name, row.definition)
    return CatalogEvent(row.kind, row.at, row.since, row.detail, *place)  # type: ignore[arg-type]


def _known_index(
    row: FollowedIndexRow, at: datetime | None, scans: int, last: date | None
) -> KnownIndex:
    was_valid = at is None or (row.valid_from is not None and row.valid_from <= at)
    return KnownIndex(
        schema=row.schema_name,
        table=row.table_name,
        name=row.name,
        definition=row.definition,
        is_valid=row.is_valid and was_valid,
        is_unique=row.is_unique,
        is_constraint=row.is_constraint,
        size_bytes=row.size_bytes,
        first_seen=row.first_seen,
        gone_at=row.gone_at,
        scans=scans,
        last_scanned=last,
    )
