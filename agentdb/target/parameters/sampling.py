"""Some rows of the tables a statement reads, looked at with care and rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import Cursor, Error
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier, Literal

from agentdb.sql import query
from agentdb.target.catalog import Catalog, Table
from agentdb.target.connection import Connection, is_loss
from agentdb.target.parameters.conditions import NullTest
from agentdb.target.parameters.vocabulary import Role
from agentdb.target.scope import BoundColumn

Samples = Mapping[int, Mapping[str, tuple[str | None, ...]]]  # table's oid → column → its texts

_PAGES = 24
_PAGE_BYTES = 8192
_KINDS = frozenset({"table", "partitioned", "materialized view"})


@dataclass(slots=True)
class _Wish:
    """What is wanted of one table: `tests` are columns that should (not) be NULL."""

    table: Table
    columns: set[str] = field(default_factory=set)
    tests: dict[str, bool] = field(default_factory=dict)


def sample(
    connection: Connection,
    catalog: Catalog,
    roles: Mapping[int, Role],
    tests: Iterable[NullTest] = (),
) -> Samples:
    """Return up to 100 rows of each table that a parameter is compared with, by column.

    Rows that pass the `tests` and have values in all columns come first. Tables with row security
    are left out (a policy may run anything), and so are tables we may not read: their values come
    from the statistics alone.
    """
    return {
        wish.table.oid: found
        for wish in _wishes(roles.values(), tests)
        if wish.table.kind in _KINDS and not wish.table.has_row_security
        if (found := _rows(connection, catalog, wish))
    }


def _wishes(roles: Iterable[Role], tests: Iterable[NullTest]) -> Iterable[_Wish]:
    wishes: dict[int, _Wish] = {}
    for role in roles:
        if role.source:
            _wish(wishes, role.source.bound).columns.add(role.source.bound.column.name)
    for test in tests:
        if test.bound.relation.table.oid in wishes:
            _wish(wishes, test.bound).tests[test.bound.column.name] = test.wants_null
    return wishes.values()


def _wish(wishes: dict[int, _Wish], bound: BoundColumn) -> _Wish:
    table = bound.relation.table
    return wishes.setdefault(table.oid, _Wish(table))


def _rows(
    connection: Connection, catalog: Catalog, wish: _Wish
) -> Mapping[str, tuple[str | None, ...]]:
    names = sorted(wish.columns | wish.tests.keys())
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(query("parameters/guard"))
            rows = _texts(connection.execute(_statement(catalog, wish.table, names)))
    except Error as error:
        if is_loss(error):
            raise
        return {}
    wants_null = [wish.tests.get(name, False) for name in names]
    rows.sort(key=lambda row: _failures(row, wants_null))
    return {name: tuple(row[place] for row in rows) for place, name in enumerate(names)}


def _texts(cursor: Cursor[TupleRow]) -> list[tuple[str | None, ...]]:
    """Return rows as the server prints them, in text and without a cast."""
    result, encoding = cursor.pgresult, cursor.connection.info.encoding
    if result is None:
        return []
    return [
        tuple(_decoded(result.get_value(row, place), encoding) for place in range(result.nfields))
        for row in range(result.ntuples)
    ]


def _decoded(text: bytes | None, encoding: str) -> str | None:
    return None if text is None else text.decode(encoding)


def _failures(row: Sequence[str | None], wants_null: Sequence[bool]) -> int:
    return sum((value is None) != wanted for value, wanted in zip(row, wants_null, strict=True))


def _statement(catalog: Catalog, table: Table, names: list[str]) -> Composed:
    pages = max(_size_bytes(catalog, table) / _PAGE_BYTES, 1)
    percent = min(100.0, 100 * _PAGES / pages)
    return query("parameters/sample_rows").format(
        columns=SQL(", ").join(Identifier(name) for name in names),
        table=Identifier(table.schema, table.name),
        percent=Literal(percent),
    )


def _size_bytes(catalog: Catalog, table: Table) -> int:
    return table.size_bytes + sum(_sizes_below(catalog, table))


def _sizes_below(catalog: Catalog, table: Table) -> Iterator[int]:
    for part in catalog.partitions(table.oid) if table.kind == "partitioned" else ():
        yield _size_bytes(catalog, part)
