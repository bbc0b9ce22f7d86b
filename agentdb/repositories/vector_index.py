"""The index over all vectors: made late, made anew where a build was broken off, never twice."""

from __future__ import annotations

from collections.abc import Iterator
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
)
from sqlalchemy.schema import CreateIndex, DropIndex

from agentdb.errors import SetupMissing, TenantRefused
from agentdb.models.base import SCHEMA
from agentdb.models.entry import EntryRow
from agentdb.models.vector import DIMENSION, HalfVectorType

IndexState = Literal["missing", "invalid", "valid"]
Outcome = Literal["built", "there", "too few rows", "being built"]

ENOUGH = 20_000
"""Rows with a vector from which on the index is worth its upkeep; fewer are compared one by one."""

_LOCK = 7_018_134_801_190_154_241  # any number that nobody else locks
_MEMORY, _SHARED = "maintenance_work_mem", "192MB"  # shared by workers: containers have little

_TABLE = f"{SCHEMA}.{EntryRow.__tablename__}"
_NAME = "entries_embedding_idx"


def vector_index_state(connection: Connection) -> IndexState:
    """Return whether the index can be asked; `invalid`: its build was broken off, or goes on."""
    there = [valid for _, valid in connection.execute(_indexes()).all()]
    if not there:
        return "missing"
    return "valid" if any(there) else "invalid"


def is_worth_an_index(connection: Connection) -> bool:
    """Return whether so many rows are kept, as the planner's statistics have it."""
    kept = table("pg_class", column("oid"), column("reltuples", Double()), schema="pg_catalog")
    rows = select(kept.c.reltuples).where(kept.c.oid == func.to_regclass(_TABLE))
    return bool(connection.execute(rows).scalar_one() >= ENOUGH)


def build_vector_index(engine: Engine, *, least: int = ENOUGH) -> Outcome:
    """Make the HNSW index unless it is there, or fewer than `least` rows have a vector.

    Nobody is kept from reading or writing meanwhile (`CREATE INDEX CONCURRENTLY`); it waits for
    transactions that are open, so hold none here. What an earlier build left unfinished is
    dropped first. Raises `SetupMissing` unless the role owns the table.
    """
    with _alone(engine) as connection:
        if connection is None:
            return "being built"
        state = vector_index_state(connection)
        if state == "valid":
            return "there"
        with _as_owner():
            if state == "missing" and not _has_rows(connection, least):
                return "too few rows"
            _drop_unfinished(connection)
            _build(connection)
        return "built"


def drop_vector_index(engine: Engine) -> None:
    """Drop the index, as before many rows are written: to keep it in step costs most of a load."""
    with (
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        _as_owner(),
    ):
        connection.execute(DropIndex(_index(_NAME), if_exists=True))


def _index(name: str) -> Index:
    """Return the index, of a table of its own: the models do without it, a schema is whole so."""
    vectors = Column("embedding", HalfVectorType(DIMENSION))
    Table(EntryRow.__tablename__, MetaData(schema=SCHEMA), vectors)
    return Index(
        name,
        vectors,
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "halfvec_cosine_ops"},
        postgresql_with={"m": 16, "ef_construction": 100},
        postgresql_concurrently=True,
    )


def _indexes() -> Select[str, bool]:
    """Select the HNSW indexes of the table, whoever named them, and whether each is valid."""
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
            index.c.indrelid == func.to_regclass(f"{SCHEMA}.{EntryRow.__tablename__}"),
            method.c.amname == "hnsw",
        )
    )


def _has_rows(connection: Connection, least: int) -> bool:
    some = select(EntryRow.id).where(EntryRow.embedding.is_not(None)).limit(least).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() >= least


def _drop_unfinished(connection: Connection) -> None:
    for name, valid in connection.execute(_indexes()).all():
        if not valid:
            connection.execute(DropIndex(_index(name)))


def _build(connection: Connection) -> None:
    before = connection.execute(select(func.current_setting(_MEMORY))).scalar_one()
    enough = func.greatest(func.pg_size_bytes(before), func.pg_size_bytes(_SHARED))
    _set_memory(connection, func.concat(enough / 1024, "kB"))
    try:
        connection.execute(CreateIndex(_index(_NAME)))
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
