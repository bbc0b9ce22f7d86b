"""The index over all vectors: made late, made anew where a build was broken off, never twice.

To keep it in step while many rows come costs four times as much as to build it afterwards: a large
load takes it away and builds it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Index,
    MetaData,
    Select,
    Table,
    Text,
    column,
    false,
    func,
    select,
    table,
    true,
    update,
)
from sqlalchemy.schema import CreateIndex, DropIndex

from agentdb.errors import SetupMissing, TenantRefused
from agentdb.models.base import SCHEMA
from agentdb.models.entry import EntryRow, SpaceRow
from agentdb.models.vector import HalfVectorType

IndexState = Literal["missing", "invalid", "valid"]
Outcome = Literal["built", "there", "too few rows", "being built"]

ENOUGH = 20_000
"""Rows with a vector from which on the index is worth its upkeep; fewer are compared one by one."""

MANY_ROWS = 50_000
MANY_OF_ALL = 0.3
"""A load of more rows than that, and of a larger share of the table, is worth a new index."""

_LOCK = 7_018_134_801_190_154_241  # any number that nobody else locks
_MEMORY, _SHARED = "maintenance_work_mem", "192MB"  # shared by workers: containers have little

_TABLE = f"{SCHEMA}.{EntryRow.__tablename__}"
_CURRENT = "embedding"  # the column of the vectors that are searched


def vector_index_state(connection: Connection, of: str = _CURRENT) -> IndexState:
    """Return whether the index can be asked; `invalid`: its build was broken off, or goes on."""
    there = [valid for _, valid in connection.execute(_indexes(of)).all()]
    if not there:
        return "missing"
    return "valid" if any(there) else "invalid"


def is_worth_an_index(connection: Connection) -> bool:
    """Return whether so many rows are kept, as the planner's statistics have it."""
    return _rows(connection) >= ENOUGH


def build_vector_index(engine: Engine, *, least: int = ENOUGH, of: str = _CURRENT) -> Outcome:
    """Make the HNSW index of a column unless it is there, or fewer than `least` rows have a vector.

    Nobody is kept from reading or writing meanwhile (`CREATE INDEX CONCURRENTLY`); it waits for
    transactions that are open, so hold none here. What an earlier build left unfinished is
    dropped first. Raises `SetupMissing` unless the role owns the table.
    """
    with _alone(engine) as connection:
        if connection is None:
            return "being built"
        state = vector_index_state(connection, of)
        if state == "valid":
            return "there"
        with _as_owner():
            if state == "missing" and not _has_rows(connection, least):
                return "too few rows"
            _drop_unfinished(connection, of)
            _build(connection, of)
            if of == _CURRENT:
                _mark(connection)
        return "built"


@contextmanager
def bulk_load(engine: Engine) -> Iterator[Callable[[int], bool]]:
    """Take the index away while many new rows come, and build it again in the end.

    Gives a function that is told how many new rows are still to come, as often as that is known
    better; it returns whether the index is away. It goes where they are more than `MANY_ROWS` and
    than `MANY_OF_ALL` of the table. Where the load or the building is interrupted, the next one
    builds it: that there is to be one is kept in `embedding_spaces`.
    """
    with engine.connect() as connection:
        wanted = _is_wanted(connection)
    away = False

    def expect(rows: int) -> bool:
        nonlocal away
        if wanted and not away and rows > MANY_ROWS:
            away = _take_away(engine, rows)
        return away

    try:
        yield expect
    finally:
        if wanted:
            build_vector_index(engine, least=0)


def _take_away(engine: Engine, rows: int) -> bool:
    with _alone(engine) as connection:
        if connection is None or rows <= MANY_OF_ALL * _rows(connection):
            return False
        with _as_owner():
            _mark(connection)
            for name, _ in connection.execute(_indexes(_CURRENT)).all():
                connection.execute(DropIndex(_index(_CURRENT, name), if_exists=True))
        return True


def _is_wanted(connection: Connection) -> bool:
    if vector_index_state(connection) != "missing":
        return True
    return bool(connection.scalar(select(SpaceRow.indexed).where(SpaceRow.is_current)))


def _mark(connection: Connection) -> None:
    """Keep that there is to be an index, whatever happens to it."""
    connection.execute(update(SpaceRow).where(SpaceRow.is_current).values(indexed=true()))


def _rows(connection: Connection) -> float:
    """Return how many rows are kept, as the planner's statistics have it; 0 if they have not."""
    kept = table("pg_class", column("oid"), column("reltuples", Double()), schema="pg_catalog")
    rows = select(kept.c.reltuples).where(kept.c.oid == func.to_regclass(_TABLE))
    return max(0.0, float(connection.execute(rows).scalar_one()))


def _index(of: str, name: str | None = None) -> Index:
    """Return the index, of a table of its own: the models do without it, a schema is whole so."""
    vectors = Column(of, HalfVectorType())
    Table(EntryRow.__tablename__, MetaData(schema=SCHEMA), vectors)
    return Index(
        name or f"entries_{of}_idx",
        vectors,
        postgresql_using="hnsw",
        postgresql_ops={of: "halfvec_cosine_ops"},
        postgresql_with={"m": 16, "ef_construction": 100},
        postgresql_concurrently=True,
    )


def _indexes(of: str) -> Select[str, bool]:
    """Select the HNSW indexes of a column, whoever named them, and whether each is valid."""
    index = table(
        "pg_index",
        column("indexrelid"),
        column("indrelid"),
        column("indisvalid", Boolean()),
        schema="pg_catalog",
    )
    named = table(
        "pg_class", column("oid"), column("relname", Text()), column("relam"), schema="pg_catalog"
    )
    method = table("pg_am", column("oid"), column("amname", Text()), schema="pg_catalog")
    return (
        select(named.c.relname, index.c.indisvalid)
        .join_from(index, named, named.c.oid == index.c.indexrelid)
        .join(method, method.c.oid == named.c.relam)
        .where(
            index.c.indrelid == func.to_regclass(_TABLE),
            method.c.amname == "hnsw",
            func.pg_get_indexdef(index.c.indexrelid, 1, true()) == of,
        )
    )


def _has_rows(connection: Connection, least: int) -> bool:
    some = select(EntryRow.id).where(EntryRow.embedding.is_not(None)).limit(least).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() >= least


def _drop_unfinished(connection: Connection, of: str) -> None:
    for name, valid in connection.execute(_indexes(of)).all():
        if not valid:
            connection.execute(DropIndex(_index(of, name)))


def _build(connection: Connection, of: str) -> None:
    before = connection.execute(select(func.current_setting(_MEMORY))).scalar_one()
    enough = func.greatest(func.pg_size_bytes(before), func.pg_size_bytes(_SHARED))
    _set_memory(connection, func.concat(enough / 1024, "kB"))
    try:
        connection.execute(CreateIndex(_index(of)))
    finally:
        _set_memory(connection, before)


def _set_memory(connection: Connection, size: str | ColumnElement[str]) -> None:
    connection.execute(select(func.set_config(_MEMORY, size, false())))


def _autocommitting(engine: Engine) -> Connection:
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection | None]:
    """Give a connection that nobody else builds with; None where somebody does."""
    # Not waited for: a build waits for all who wait in a transaction.
    with _autocommitting(engine) as connection:
        if not connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one():
            yield None
            return
        try:
            yield connection
        finally:
            connection.execute(select(func.pg_advisory_unlock(_LOCK)))


@contextmanager
def _as_owner() -> Iterator[None]:
    try:
        yield
    except (SetupMissing, TenantRefused) as error:
        raise SetupMissing(
            "only the owner of agentdb's tables may make their indexes: let the role that runs "
            "`agentdb init` run `agentdb reindex`"
        ) from error
