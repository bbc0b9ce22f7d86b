"""One audit, one snapshot at a time of one target, on whatever machines they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from agentdb.errors import AuditRunning, DatabaseError, SnapshotRunning


@contextmanager
def audit_alone(engine: Engine, target: str) -> Iterator[None]:
    """Be the only audit of a target; raise AuditRunning while another is."""
    with _held(engine, f"agentdb audit of {target}") as held:
        if not held:
            raise AuditRunning(f"another audit of {target} is running: wait until it has ended")
        yield


@contextmanager
def snapshot_alone(engine: Engine, target: str) -> Iterator[None]:
    """Be the only snapshot of a target; raise SnapshotRunning while another is."""
    with _held(engine, f"agentdb snapshot of {target}") as held:
        if not held:
            raise SnapshotRunning(
                f"another snapshot of {target} is being taken: wait until it has ended"
            )
        yield


@contextmanager
def _held(engine: Engine, name: str) -> Iterator[bool]:
    """Give whether a lock could be had at once, and hold it.

    It belongs to a connection to our own database, so it is gone when the process is.
    """
    key = func.hashtextextended(name, 0)
    unhindered = engine.execution_options(isolation_level="AUTOCOMMIT")
    with unhindered.connect() as connection:
        held = bool(connection.scalar(select(func.pg_try_advisory_lock(key))))
        try:
            yield held
        finally:
            if held:
                _release(connection, key)


def _release(connection: Connection, key: ColumnElement[int]) -> None:
    """Give a lock back: the connection goes back to its pool."""
    with suppress(DatabaseError):
        connection.execute(select(func.pg_advisory_unlock(key)))
