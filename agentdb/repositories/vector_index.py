"""The index of vectors: built beside all work, taken away for a large load and built again.

To keep an index up while many rows come costs four times as much as to build it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    MetaData,
    Table,
    column,
    func,
    select,
    table,
    true,
    update,
)
from sqlalchemy.schema import CreateIndex, DropIndex

from agentdb.models.base import SCHEMA
from agentdb.models.entry import SpaceRow
from agentdb.models.vector import HalfVectorType

MANY_ROWS = 50_000
MANY_OF_ALL = 0.3
"""A load of more rows than that, and of a larger share of the table, is worth a new index."""

State = Literal["valid", "invalid", "missing"]

_NAME = "entries_embedding_idx"
_BUILDING = 7_018_134_801_190_154_241  # any number that nobody else locks
_MEMORY = "512MB"  # an index that does not fit is built slowly; 512 MB hold some 400,000 vectors


def build_vector_index(
    engine: Engine, *, column: str = "embedding", name: str = _NAME
) -> Literal["built", "there", "elsewhere"]:
    """Build the index of vectors while everybody goes on reading and writing.

    What an interrupted build has left is removed first. Returns whether it was built, was there,
    or is being built by somebody else.
    """
    with _alone(engine) as (connection, alone):
        if not alone:
            return "elsewhere"
        state = _state(connection, name)
        if state == "valid":
            return "there"
        index = _index(column, name)
        if state == "invalid":
            connection.execute(DropIndex(index))
        connection.execute(select(func.set_config("maintenance_work_mem", _MEMORY, False)))  # noqa: FBT003
        connection.execute(CreateIndex(index))
        if column == "embedding":
            _mark(connection)
    return "built"


def vector_index_state(engine: Engine, name: str = _NAME) -> State:
    """Return whether the index is there, and whether searches can use it."""
    with engine.connect() as connection:
        return _state(connection, name)


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
            build_vector_index(engine)


def _take_away(engine: Engine, rows: int) -> bool:
    with _alone(engine) as (connection, alone):
        large = alone and _is_large(connection, rows)
        if large:
            _mark(connection)
            connection.execute(DropIndex(_index("embedding", _NAME), if_exists=True))
        return large


def _is_large(connection: Connection, rows: int) -> bool:
    classes = table("pg_class", column("oid"), column("reltuples", Float()), schema="pg_catalog")
    entries = func.to_regclass(f"{SCHEMA}.entries")
    there = connection.scalar(select(classes.c.reltuples).where(classes.c.oid == entries)) or 0
    return rows > MANY_OF_ALL * max(there, 0)


def _is_wanted(connection: Connection) -> bool:
    if _state(connection, _NAME) != "missing":
        return True
    return bool(connection.scalar(select(SpaceRow.indexed).where(SpaceRow.is_current)))


def _mark(connection: Connection) -> None:
    marked = update(SpaceRow).where(SpaceRow.is_current).values(indexed=true())
    connection.execute(marked)


@contextmanager
def _alone(engine: Engine) -> Iterator[tuple[Connection, bool]]:
    """Give a connection without transactions, and whether nobody else builds at this moment."""
    with engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        alone = bool(connection.scalar(select(func.pg_try_advisory_lock(_BUILDING))))
        try:
            yield connection, alone
        finally:
            connection.invalidate()  # with it go the lock and the memory it was given


def _state(connection: Connection, name: str) -> State:
    indexes = table(
        "pg_index",
        column("indexrelid", BigInteger()),
        column("indisvalid", Boolean()),
        schema="pg_catalog",
    )
    meant = func.to_regclass(f"{SCHEMA}.{name}")
    valid = connection.scalar(select(indexes.c.indisvalid).where(indexes.c.indexrelid == meant))
    if valid is None:
        return "missing"
    return "valid" if valid else "invalid"


def _index(of: str, name: str) -> Index:
    entries = Table("entries", MetaData(schema=SCHEMA), Column(of, HalfVectorType()))
    return Index(
        name,
        entries.c[of],
        postgresql_using="hnsw",
        postgresql_ops={of: "halfvec_cosine_ops"},
        postgresql_with={"m": 16, "ef_construction": 100},
        postgresql_concurrently=True,
    )
