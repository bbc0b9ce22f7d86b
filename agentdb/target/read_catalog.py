"""The audited database read into a `Catalog`: seven round trips, however many tables there are."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from psycopg.errors import LockNotAvailable
from psycopg.rows import RowFactory, class_row, kwargs_row

from agentdb.errors import TargetBusy
from agentdb.sql import query
from agentdb.target.catalog import (
    Catalog,
    Column,
    ForeignKey,
    Histogram,
    Index,
    RelationKind,
    Table,
)
from agentdb.target.connection import Connection, Server, read_server, translating_loss

_T = TypeVar("_T")

_LOOKS_FOR_LOCKS = 3
_SECONDS_BETWEEN = 0.1

_ROW_HEADER_BYTES = 28  # the line pointer and the tuple header, without alignment


@dataclass(frozen=True, slots=True)
class Altered:
    """A relation that somebody is altering: looking at it would wait."""

    oid: int
    name: str


@dataclass(frozen=True, slots=True)
class _Relation:
    oid: int
    schema: str
    name: str
    kind: RelationKind
    tuples: float  # when last vacuumed or analysed; -1 when never (0 before PostgreSQL 14)
    pages: int  # at that time
    visible_pages: int
    page_bytes: int
    size_bytes: int  # now
    partition_key: str | None
    partition_bound: str | None
    parent_oid: int | None
    view_sql: str | None
    has_row_security: bool
    readable: bool


@dataclass(frozen=True, slots=True)
class _Parts:
    """Everything that was read, by the oid of the relation it belongs to."""

    relations: Mapping[int, _Relation]
    columns: Mapping[int, Sequence[Column]]
    indexes: Mapping[int, Sequence[Index]]
    foreign_keys: Mapping[int, Sequence[ForeignKey]]
    histograms: Mapping[tuple[int, str], Histogram]


def read_catalog(connection: Connection, names: Collection[str] | None = None) -> Catalog:
    """Return every relation outside the system's schemas and our own.

    `names` are relations (without schema) whose values are wanted: of the others, and of
    what these do not read, `Column.histogram` stays empty. None means all of them.

    Relations that somebody is altering are left out and named in `Catalog.locked`, so that
    reading never queues behind an ALTER TABLE. Raises TargetBusy when it would after all,
    TargetLost when the server goes away.
    """
    server = read_server(connection)
    try:
        with translating_loss():
            locked = altered_relations(connection)
            parts = _read(connection, server, [one.oid for one in locked], names)
    except LockNotAvailable as error:
        raise TargetBusy(
            "a table of the audited database is being altered: run the audit again in a moment"
        ) from error
    return _catalog(server, parts, tuple(one.name for one in locked))


def altered_relations(connection: Connection) -> list[Altered]:
    """Return what is still being altered after a moment's patience: most locks are short."""
    locked = _fetch(connection, "catalog/locked", class_row(Altered))
    for _ in range(_LOOKS_FOR_LOCKS - 1):
        if not locked:
            break
        time.sleep(_SECONDS_BETWEEN)
        locked = _fetch(connection, "catalog/locked", class_row(Altered))
    return locked


def _read(
    connection: Connection, server: Server, locked: list[int], names: Collection[str] | None
) -> _Parts:
    given = {
        "locked": locked,
        "names": None if names is None else sorted(names),
        "sorts_by_code_point": server.sorts_by_code_point,
    }
    with connection.transaction():
        connection.execute(query("catalog/qualified_names"))
        relations = _fetch(connection, "catalog/relations", class_row(_Relation), given)
        return _Parts(
            {relation.oid: relation for relation in relations},
            _grouped(_fetch(connection, "catalog/columns", kwargs_row(_column), given)),
            _grouped(_fetch(connection, "catalog/indexes", kwargs_row(_index), given)),
            _grouped(_fetch(connection, "catalog/foreign_keys", kwargs_row(_foreign_key), given)),
            dict(_fetch(connection, "catalog/values", kwargs_row(_histogram), given)),
        )


def _fetch(
    connection: Connection,
    name: str,
    factory: RowFactory[_T],
    given: Mapping[str, object] | None = None,
) -> list[_T]:
    with connection.cursor(row_factory=factory) as cursor:
        return cursor.execute(query(name), given).fetchall()


def _column(relation_oid: int, **row: object) -> tuple[int, Column]:
    return relation_oid, Column(histogram=Histogram(), **_frozen(row))


def _index(relation_oid: int, **row: object) -> tuple[int, Index]:
    return relation_oid, Index(**_frozen(row))


def _foreign_key(relation_oid: int, **row: object) -> tuple[int, ForeignKey]:
    return relation_oid, ForeignKey(**_frozen(row))


def _histogram(relation_oid: int, name: str, **row: object) -> tuple[tuple[int, str], Histogram]:
    known = {field: values for field, values in row.items() if values is not None}
    return (relation_oid, name), Histogram(**_frozen(known))


def _frozen(row: Mapping[str, object]) -> dict[str, Any]:
    return {
        field: tuple(value) if isinstance(value, list) else value for field, value in row.items()
    }


def _grouped(pairs: Iterable[tuple[int, _T]]) -> Mapping[int, Sequence[_T]]:
    groups: defaultdict[int, list[_T]] = defaultdict(list)
    for oid, part in pairs:
        groups[oid].append(part)
    return groups


# What was read, put together ----------------------------------------------------------------------


def _catalog(server: Server, parts: _Parts, locked: tuple[str, ...]) -> Catalog:
    partitions = _grouped(
        (relation.parent_oid, oid)
        for oid, relation in parts.relations.items()
        if relation.parent_oid is not None
    )
    tables: dict[int, Table] = {}
    for oid in parts.relations:
        _add(oid, parts, partitions, tables)
    return Catalog(
        tables={oid: tables[oid] for oid in parts.relations},
        search_path=tuple(server.search_path),
        server_version=server.version_number,
        extensions=server.extension_schemas,
        locked=locked,
    )


def _add(
    oid: int, parts: _Parts, partitions: Mapping[int, Sequence[int]], tables: dict[int, Table]
) -> None:
    """Add a table after its partitions, whose rows and statistics it takes over."""
    if oid in tables:
        return
    below = partitions.get(oid, ())
    for partition in below:
        _add(partition, parts, partitions, tables)
    tables[oid] = _table(parts.relations[oid], parts, [tables[partition] for partition in below])


def _table(relation: _Relation, parts: _Parts, partitions: Sequence[Table]) -> Table:
    columns = parts.columns.get(relation.oid, ())
    rows = sum(one.rows for one in partitions) or _rows(relation, columns)
    known = tuple(_known(relation.oid, column, rows, parts) for column in columns)
    return Table(
        oid=relation.oid,
        schema=relation.schema,
        name=relation.name,
        kind=relation.kind,
        rows=rows,
        size_bytes=relation.size_bytes + sum(one.size_bytes for one in partitions),
        all_visible_fraction=_all_visible(relation, partitions),
        columns=_borrowed(known, partitions),
        indexes=tuple(parts.indexes.get(relation.oid, ())),
        foreign_keys=tuple(parts.foreign_keys.get(relation.oid, ())),
        partition_key=relation.partition_key,
        partition_bound=relation.partition_bound,
        parent_oid=relation.parent_oid,
        view_sql=relation.view_sql,
        has_row_security=relation.has_row_security,
        readable=relation.readable,
    )


def _rows(relation: _Relation, columns: Sequence[Column]) -> float:
    """Return the rows as the planner estimates them: the density last seen times the size now."""
    pages_now = relation.size_bytes / relation.page_bytes
    if relation.pages and relation.tuples >= 0:
        return relation.tuples / relation.pages * pages_now
    if pages_now:
        width = _ROW_HEADER_BYTES + sum(column.width_bytes for column in columns)
        return float(relation.size_bytes // width)
    return max(relation.tuples, 0.0)


def _all_visible(relation: _Relation, partitions: Sequence[Table]) -> float:
    size_bytes = sum(one.size_bytes for one in partitions)
    if size_bytes:
        return sum(one.all_visible_fraction * one.size_bytes for one in partitions) / size_bytes
    return min(1.0, relation.visible_pages / relation.pages) if relation.pages else 0.0


def _known(oid: int, column: Column, rows: float, parts: _Parts) -> Column:
    """Return a column with its values; a negative count of distinct ones is a share of rows."""
    distinct = column.distinct if column.distinct >= 0 else -column.distinct * rows
    histogram = parts.histograms.get((oid, column.name), column.histogram)
    return replace(column, distinct=distinct, histogram=histogram)


def _borrowed(columns: tuple[Column, ...], partitions: Sequence[Table]) -> tuple[Column, ...]:
    """Return the columns with the largest partition's statistics where they have none.

    Autovacuum analyses partitions, but never the table that they are partitions of.
    """
    if not partitions or any(column.distinct for column in columns):
        return columns
    lender = max(partitions, key=lambda table: table.rows)
    return tuple(
        _with_statistics_of(lender.column(column.name) or column, column) for column in columns
    )


def _with_statistics_of(lender: Column, column: Column) -> Column:
    return replace(
        column,
        distinct=lender.distinct,
        null_fraction=lender.null_fraction,
        correlation=lender.correlation,
        width_bytes=lender.width_bytes,
        histogram=lender.histogram,
    )
