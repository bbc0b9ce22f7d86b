"""`agentdb snapshot`: one reading of the target, and what was done since the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from agentdb import database
from agentdb.errors import AgentDBError, SnapshotRunning
from agentdb.history.deltas import Deltas
from agentdb.history.events import CatalogEvent
from agentdb.history.reading import Reading
from agentdb.repositories.snapshots import SnapshotRepository
from agentdb.settings import Settings
from agentdb.target.connection import Connection, describe
from agentdb.target.counters import read_counters
from agentdb.wiring.alone import snapshot_alone
from agentdb.wiring.guest import guest
from agentdb.wiring.storage import storage, target_url


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """What a snapshot read, and what was done since `since`; `gap`: why not since the one before.

    `statements` were called, `calls` times in all, for `milliseconds`; the others are counted as
    they are now.
    """

    target: str
    taken_at: datetime
    since: datetime
    gap: str | None
    statements: int
    calls: int
    milliseconds: float
    known_statements: int
    tables: int
    indexes: int
    events: tuple[CatalogEvent, ...]


def take_snapshot(settings: Settings, *, now: datetime | None = None) -> SnapshotReport:
    """Take a snapshot of the target and keep it; `now` is when, instead of the clock's time.

    Raises SnapshotRunning while another of the same target is taken, TargetError and DatabaseError
    as either side makes it necessary.
    """
    url = target_url(settings)
    with storage(settings) as engine, guest(url, settings) as connection:
        return snapshot_of(engine, connection, describe(url), now)


def snapshot_of(
    engine: Engine, connection: Connection, target: str, now: datetime | None = None
) -> SnapshotReport:
    """Take a snapshot through a connection that is there, and keep it."""
    with snapshot_alone(engine, target), database.session(engine) as session:
        reading = read_counters(connection, target, now or datetime.now(UTC))
        return _report(reading, SnapshotRepository(session).keep(reading))


def try_snapshot(engine: Engine, connection: Connection, target: str) -> str | None:
    """Take one beside something else, which does not fail with it; return what went wrong."""
    try:
        snapshot_of(engine, connection, target)
    except SnapshotRunning:
        return None  # somebody else takes it
    except (AgentDBError, psycopg.Error, SQLAlchemyError) as error:
        return f"no snapshot was taken: {error}"
    return None


def _report(reading: Reading, deltas: Deltas) -> SnapshotReport:
    return SnapshotReport(
        target=reading.target,
        taken_at=reading.taken_at,
        since=deltas.start,
        gap=deltas.gap,
        statements=len(deltas.statements),
        calls=sum(delta.spent.calls for delta in deltas.statements),
        milliseconds=sum(delta.spent.milliseconds for delta in deltas.statements),
        known_statements=len({entry.statement.fingerprint for entry in reading.statements}),
        tables=len(reading.tables),
        indexes=len(reading.indexes),
        events=deltas.events,
    )
