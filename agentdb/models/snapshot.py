"""The tables of numbers over time: the last reading of each target, and what readings add up to.

Wide columns stand first, so that nothing is lost between them; what is mostly 0 or the usual is
NULL, which costs a row of eight columns nothing. Rows that are many have no id of their own.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Mapped, mapped_column

from agentdb.models.base import Base, Json


def _within(table: str) -> ForeignKey:
    """Return the reference to a row that this one is a part of, and goes with."""
    return ForeignKey(f"agentdb.{table}.id", ondelete="CASCADE")


class SnapshotRow(Base):
    """The last reading of a target: when, of which server, since when that counts."""

    __tablename__ = "snapshots"

    id: Mapped[int] = mapped_column(SmallInteger, Identity(), primary_key=True)
    target: Mapped[str] = mapped_column(unique=True)  # host/database, no secrets
    taken_at: Mapped[datetime]
    server_time: Mapped[datetime]
    server_started_at: Mapped[datetime]
    statements_reset_at: Mapped[datetime | None]
    database_reset_at: Mapped[datetime | None]
    database_oid: Mapped[int]
    evictions: Mapped[int | None]
    server_version: Mapped[int] = mapped_column(Integer)
    unidentified: Mapped[int] = mapped_column(Integer)
    settings: Mapped[Json] = mapped_column(nullable=False)


class StretchRow(Base):
    """A stretch of time in which the counters were followed, and why it began anew."""

    __tablename__ = "snapshot_stretches"

    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime]
    snapshot_id: Mapped[int] = mapped_column(SmallInteger, _within("snapshots"), primary_key=True)
    reason: Mapped[str]


class FollowedStatementRow(Base):
    """A statement of a target, by what it is."""

    __tablename__ = "snapshot_statements"
    __table_args__ = (UniqueConstraint("snapshot_id", "fingerprint"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    snapshot_id: Mapped[int] = mapped_column(SmallInteger, _within("snapshots"))
    writes: Mapped[bool]
    fingerprint: Mapped[str]
    query: Mapped[str]
    tables: Mapped[list[str]] = mapped_column(ARRAY(Text))  # schema.table, unquoted


class CounterRow(Base):
    """An entry of pg_stat_statements at the last reading; rewritten whenever it was called."""

    __tablename__ = "snapshot_counters"

    query_id: Mapped[int] = mapped_column(primary_key=True)
    user_oid: Mapped[int] = mapped_column(primary_key=True)
    calls: Mapped[int]
    milliseconds: Mapped[float]
    rows: Mapped[int]
    blocks: Mapped[int]
    temp_blocks: Mapped[int]
    since: Mapped[datetime | None]
    statement_id: Mapped[int] = mapped_column(Integer, _within("snapshot_statements"))
    snapshot_id: Mapped[int] = mapped_column(SmallInteger, _within("snapshots"), primary_key=True)


class BucketRow(Base):
    """What a statement did in an hour (`seconds` NULL), a day, or between two readings."""

    __tablename__ = "snapshot_buckets"

    start: Mapped[datetime] = mapped_column(primary_key=True)
    calls: Mapped[int]
    rows: Mapped[int]
    blocks: Mapped[int]
    # No foreign key: it would be looked up for each row. What forgets statements looks here.
    statement_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    milliseconds: Mapped[float] = mapped_column(REAL)
    seconds: Mapped[int | None] = mapped_column(Integer)  # NULL: an hour
    temp_blocks: Mapped[int | None]  # NULL: none


class FollowedTableRow(Base):
    """A table of a target as the last reading saw it; one of the same name is the same."""

    __tablename__ = "snapshot_tables"
    __table_args__ = (UniqueConstraint("snapshot_id", "schema_name", "table_name"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    snapshot_id: Mapped[int] = mapped_column(SmallInteger, _within("snapshots"))
    oid: Mapped[int]
    sequential_scans: Mapped[int]
    index_scans: Mapped[int]
    inserted: Mapped[int]
    updated: Mapped[int]
    hot_updated: Mapped[int]
    deleted: Mapped[int]
    live_rows: Mapped[int]
    dead_rows: Mapped[int]
    modified_rows: Mapped[int]
    size_bytes: Mapped[int]
    analyzed_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    schema_name: Mapped[str]
    table_name: Mapped[str]
    parent: Mapped[str | None]  # schema.table of what it is a partition of


class TableDayRow(Base):
    """What was done to a table on a day, and how it stood at its last reading."""

    __tablename__ = "snapshot_table_days"

    sequential_scans: Mapped[int]
    index_scans: Mapped[int]
    inserted: Mapped[int]
    updated: Mapped[int]
    hot_updated: Mapped[int]
    deleted: Mapped[int]
    live_rows: Mapped[int]
    dead_rows: Mapped[int]
    modified_rows: Mapped[int]
    size_bytes: Mapped[int]
    analyzed_at: Mapped[datetime | None]
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    table_id: Mapped[int] = mapped_column(Integer, _within("snapshot_tables"), primary_key=True)


class FollowedIndexRow(Base):
    """An index of a target as the last reading that saw it did, and when it came and went."""

    __tablename__ = "snapshot_indexes"
    __table_args__ = (Index(None, "snapshot_id"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    snapshot_id: Mapped[int] = mapped_column(SmallInteger, _within("snapshots"))
    is_valid: Mapped[bool]
    is_unique: Mapped[bool]
    is_constraint: Mapped[bool]
    oid: Mapped[int]
    size_bytes: Mapped[int]
    scans: Mapped[int]
    first_seen: Mapped[datetime]
    valid_from: Mapped[datetime | None]  # first seen valid, if it is
    gone_at: Mapped[datetime | None]
    schema_name: Mapped[str]
    table_name: Mapped[str]
    name: Mapped[str]
    definition: Mapped[str]  # without its name: USING btree (a)


class IndexDayRow(Base):
    """How often an index was scanned on a day; a day without scans has none."""

    __tablename__ = "snapshot_index_days"

    scans: Mapped[int]
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    index_id: Mapped[int] = mapped_column(Integer, _within("snapshot_indexes"), primary_key=True)


class EventRow(Base):
    """Something that a reading saw for the first time."""

    __tablename__ = "snapshot_events"
    __table_args__ = (Index(None, "snapshot_id", "at"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime]
    since: Mapped[datetime]
    snapshot_id: Mapped[int] = mapped_column(SmallInteger, _within("snapshots"))
    kind: Mapped[str]
    detail: Mapped[str]
    schema_name: Mapped[str | None]
    table_name: Mapped[str | None]
    definition: Mapped[str | None]
