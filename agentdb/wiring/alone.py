"""One audit, snapshot or weekly run of a target, one delivery to a place, on whatever machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    Connection,
    Engine,
    cast,
    column,
    exists,
    func,
    select,
    table,
)

from agentdb.errors import (
    AgentDBError,
    AuditRunning,
    DatabaseError,
    DeliveryRunning,
    SnapshotRunning,
    WeekRunning,
)

_HALF = 32  # bits of a key, which pg_locks shows in two halves
_LOW = (1 << _HALF) - 1


@contextmanager
def audit_alone(engine: Engine, target: str) -> Iterator[None]:
    """Be the only audit of a target; raise AuditRunning while another is."""
    busy = AuditRunning(f"another audit of {target} is running: wait until it has ended")
    with _held(engine, f"agentdb audit of {target}", busy):
        yield


@contextmanager
def snapshot_alone(engine: Engine, target: str) -> Iterator[None]:
    """Be the only snapshot of a target; raise SnapshotRunning while another is."""
    busy = SnapshotRunning(f"another snapshot of {target} is being taken: wait until it has ended")
    with _held(engine, f"agentdb snapshot of {target}", busy):
        yield


@contextmanager
def delivery_alone(engine: Engine, place: str) -> Iterator[None]:
    """Be the only one who delivers to a place; raise DeliveryRunning while another does."""
    busy = DeliveryRunning(f"somebody else is delivering to {place}: wait until that has ended")
    with _held(engine, f"agentdb delivery to {place}", busy):
        yield


@contextmanager
def week_alone(engine: Engine, target: str) -> Iterator[Connection]:
    """Be the only weekly run of a target; raise WeekRunning while another is.

    The connection given holds the lock: while that answers, nobody else has it.
    """
    busy = WeekRunning(f"another weekly run of {target} is under way")
    with _held(engine, _week(target), busy) as lock:
        yield lock


def is_week_running(engine: Engine, target: str) -> bool:
    """Tell whether a weekly run of a target is under way, without standing in its way."""
    names = ("locktype", "database", "classid", "objid", "granted")
    columns: list[ColumnClause[object]] = [column(name) for name in names]
    locks = table("pg_locks", *columns, schema="pg_catalog")
    databases = table("pg_database", column("oid"), column("datname"), schema="pg_catalog")
    here = select(databases.c.oid).where(databases.c.datname == func.current_database())
    key = func.hashtextextended(_week(target), 0)
    held = exists().where(
        locks.c.locktype == "advisory",
        locks.c.granted,
        locks.c.database == here.scalar_subquery(),
        cast(locks.c.classid, BigInteger) == key.op(">>")(_HALF).op("&")(_LOW),
        cast(locks.c.objid, BigInteger) == key.op("&")(_LOW),
    )
    with engine.connect() as connection:
        return bool(connection.scalar(select(held)))


def _week(target: str) -> str:
    return f"agentdb weekly run of {target}"


@contextmanager
def _held(engine: Engine, name: str, busy: AgentDBError) -> Iterator[Connection]:
    """Hold a lock and give the connection that does; raise `busy` if somebody else has it.

    It belongs to a connection to our own database, so it is gone when the process is.
    """
    key = func.hashtextextended(name, 0)
    unhindered = engine.execution_options(isolation_level="AUTOCOMMIT")
    with unhindered.connect() as connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(key))):
            raise busy
        try:
            yield connection
        finally:
            _release(connection, key)


def _release(connection: Connection, key: ColumnElement[int]) -> None:
    if connection.invalidated:
        return  # it is gone, and the lock with it
    with suppress(DatabaseError):
        connection.execute(select(func.pg_advisory_unlock(key)))
