"""Copies of tables in pg_temp, inside the transaction that is rolled back: trials block nobody.

The rows travel over a connection of their own, so the transaction that holds the copies
never holds a lock on the tables they were copied from.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL, Composable, Composed, Identifier

from agentdb.errors import TrialsRefused
from agentdb.sql import query
from agentdb.target.catalog import Catalog, Column, Index, Table
from agentdb.target.guard import inspect, objection_to_ddl
from agentdb.target.index import IndexDefinition, quoted
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure, Sandbox, failure_of
from agentdb.target.scope import Scoped
from agentdb.target.syntax import canonical, copy_of, deparse, find, foreign_sql, parse_one, pb

Connection = psycopg.Connection[TupleRow]


@dataclass(frozen=True, slots=True)
class Built:
    """An index that was built for a trial, and what that took."""

    definition: IndexDefinition
    names: frozenset[str]  # as plans call it: its own, and those of the partitions' indexes
    size_bytes: int  # as it would be on the whole table, when only a sample was copied
    milliseconds: float


@dataclass(frozen=True, slots=True)
class _State:
    size_bytes: int
    names: list[str]


@dataclass(frozen=True, slots=True)
class Copy:
    """One copied table. `share` is the part of its pages that was copied, 0 to 1."""

    table: Table
    name: str
    share: float


class Shadow:
    """The copies, and the indexes on trial upon them; gone with the sandbox's transaction."""

    def __init__(self, box: Sandbox, catalog: Catalog, copies: Mapping[int, Copy]) -> None:
        self._box = box
        self._catalog = catalog
        self._built: dict[IndexDefinition, Built] = {}
        self.copies = copies

    def text(self, scoped: Scoped) -> str:
        """Return a statement that reads the copies instead of the tables."""
        tree = copy_of(scoped.tree)
        for name in find(tree, pb.RangeVar):
            table = scoped.named(name)
            if table is not None and table.oid in self.copies:
                _point(name, self.copies[table.oid].name)
        for reference in find(tree, pb.ColumnRef):
            while len(reference.fields) > 2:  # noqa: PLR2004 - schema.table.column
                del reference.fields[0]
        return deparse(tree)

    def build(self, definition: IndexDefinition) -> Built | Failure:
        """Build an index on the copy of its table."""
        built = self._build(definition)
        if isinstance(built, Built):
            self._built[definition] = built
        return built

    @contextmanager
    def trying(self, definitions: Sequence[IndexDefinition]) -> Iterator[Sequence[Built | Failure]]:
        """Build indexes for as long as the context lasts."""
        with self._box.connection.transaction(force_rollback=True):
            yield [self._build(definition) for definition in definitions]

    def _build(self, definition: IndexDefinition) -> Built | Failure:
        if definition.include and self._box.connection.info.server_version < _FREEZES_PAGES:
            return _UNSEEN
        copy = self._copy(definition)
        started = time.perf_counter()
        try:
            with self._box.connection.transaction():
                self._create(definition.create_sql(concurrently=False), definition.name, copy.name)
                state = self._state(definition.name)
        except psycopg.Error as error:
            return failure_of(error)
        spent = (time.perf_counter() - started) * 1000 / copy.share
        size = round(state.size_bytes / copy.share)
        return Built(definition, frozenset(state.names), size, spent)

    @contextmanager
    def only(self, kept: Collection[IndexDefinition], tables: Collection[str]) -> Iterator[None]:
        """Hide every index on trial on those tables but the `kept` ones."""
        hidden = [
            definition
            for definition in self._built
            if definition not in kept and definition.table in tables
        ]
        if not hidden:
            yield
            return
        names = SQL(", ").join(_temporary(definition.name) for definition in hidden)
        with self._box.connection.transaction(force_rollback=True):
            self._box.connection.execute(query("shadow/drop_index").format(names=names))
            yield

    def plan(self, sql: str) -> Plan | Failure:
        """Return the plan of a statement that reads the copies."""
        return self._box.plan(sql)

    def measure(self, sql: str, runs: int = 1) -> Plan | Failure:
        """Run a statement that reads the copies and return what its fastest run did."""
        return self._box.measure(sql, runs)

    def share(self, definition: IndexDefinition) -> float:
        """Return how much of an index's table was copied, 0 to 1."""
        return self._copy(definition).share

    def keep_existing(self, copy: Copy, index: Index) -> Failure | None:
        """Build on a copy an index that its table has already."""
        try:
            with self._box.connection.transaction():
                self._create(index.definition, index.name, copy.name)
        except psycopg.Error as error:
            reason = failure_of(error).reason
            return Failure(f"index {index.name} is missing on the copy: {reason}")
        return None

    def _create(self, text: str, name: str, table: str) -> None:
        tree = parse_one(text)
        tree.index_stmt.idxname = name
        tree.index_stmt.concurrent = False
        tree.index_stmt.table_space = ""
        _point(tree.index_stmt.relation, table)
        tree.index_stmt.relation.ClearField("alias")
        _, text = deparse(tree).split(" ", 1)
        self._box.connection.execute(query("shadow/create") + foreign_sql(text))

    def _copy(self, definition: IndexDefinition) -> Copy:
        table = self._catalog.find(definition.schema, definition.table)
        assert table is not None  # noqa: S101 - candidates are made from the catalog
        return self.copies[table.oid]

    def _state(self, name: str) -> _State:
        index = {"index": _temporary(name).as_string(None)}
        with self._box.connection.cursor(row_factory=class_row(_State)) as cursor:
            return cursor.execute(query("shadow/index_size"), index).fetchall()[0]


@dataclass(frozen=True, slots=True)
class Terms:
    """How copies are made: a table above `limit_bytes` is sampled by pages.

    `trusted` are functions (`schema.name`) that may run when an index over them is built.
    """

    limit_bytes: int
    trusted: Collection[str] = ()


_PAGE_BYTES = 8192
_SLICE_PAGES = 192
_LISTED_PAGES = 48  # their rows are named one by one, which takes longer
_MOST_ROWS = 291  # on a page
_SCANS_RANGES = 140000  # before, a range of ctid was looked for in the whole table
_FREEZES_PAGES = 140000  # before, COPY FREEZE marked rows, and no page as all-visible
_UNSEEN = Failure(
    "on a copy PostgreSQL 13 reads no row from the index alone: only --trial live can tell"
)
_OUR_COMMANDS = ("CREATE TABLE", "CREATE INDEX", "DROP INDEX")


def lay_shadow(
    box: Sandbox, reader: Connection, catalog: Catalog, tables: Collection[Table], terms: Terms
) -> Shadow:
    """Copy tables (partitions with their parents) and the indexes they have.

    `reader` is a second connection to the same database. `Copy.share` says how much of a
    table was taken. Raises TrialsRefused when an event trigger would see what we do.
    """
    if objection := objection_to_ddl(box.connection, _OUR_COMMANDS, terms.trusted):
        raise TrialsRefused(
            f"nothing can be tried on copies: {objection}; name it in AGENTDB_TRUSTED_FUNCTIONS"
        )
    whole = _with_partitions(catalog, tables)
    copies = {table.oid: Copy(table, name, 1.0) for table, name in _names(whole)}
    shares = {
        oid: _fill(box, reader, copies, copy, terms.limit_bytes) for oid, copy in copies.items()
    }
    copies = {oid: Copy(copy.table, copy.name, shares[oid]) for oid, copy in copies.items()}
    shadow = Shadow(box, catalog, copies)
    for copy in copies.values():
        for index in _own_indexes(copy.table, copies):
            if _is_harmless(box, copy.table, index, terms.trusted):
                shadow.keep_existing(copy, index)
    for copy in copies.values():
        if copy.table.parent_oid not in copies:
            box.connection.execute(query("shadow/analyze").format(name=_temporary(copy.name)))
    return shadow


def _with_partitions(catalog: Catalog, tables: Iterable[Table]) -> list[Table]:
    """Parents before their partitions, every table once."""
    found: dict[int, Table] = {}
    waiting = sorted(tables, key=lambda table: (table.schema, table.name))
    while waiting:
        table = waiting.pop(0)
        if table.parent_oid and table.parent_oid not in found:
            parent = catalog.tables[table.parent_oid]
            waiting[:0] = [parent, table]
            continue
        found.setdefault(table.oid, table)
        waiting[:0] = [part for part in catalog.partitions(table.oid) if part.oid not in found]
    return list(found.values())


def _names(tables: Iterable[Table]) -> Iterator[tuple[Table, str]]:
    """A copy bears its table's name; where two schemas hold the same name, a number is added."""
    taken: set[str] = set()
    for table in tables:
        name = table.name if table.name not in taken else f"{table.name[:50]}_{table.oid}"
        taken.add(name)
        yield table, name


def _fill(
    box: Sandbox, reader: Connection, copies: Mapping[int, Copy], copy: Copy, limit_bytes: int
) -> float:
    box.connection.execute(_create_table(copies, copy))
    if copy.table.kind == "partitioned":
        return 1.0
    share = min(1.0, limit_bytes / max(copy.table.size_bytes, 1))
    scans_ranges = reader.info.server_version >= _SCANS_RANGES
    pages, chosen = (_SLICE_PAGES, _by_range) if scans_ranges else (_LISTED_PAGES, _by_list)
    for part in _slices(copy.table.size_bytes, share, pages):
        _pass_on(reader, box.connection, copy, chosen(part))
    return share


def _pass_on(reader: Connection, writer: Connection, copy: Copy, part: Composable) -> None:
    """Copy a part of a table; outside a transaction, so that its lock is given back at once."""
    names = SQL(", ").join(Identifier(column.name) for column in copy.table.columns)
    table = Identifier(copy.table.schema, copy.table.name)
    out = query("shadow/copy_out").format(columns=names, table=table, part=part)
    into = query("shadow/copy_in").format(name=_temporary(copy.name), columns=names)
    with (
        reader.cursor().copy(out) as source,
        writer.cursor().copy(into) as sink,
    ):
        for data in source:
            sink.write(data)


@dataclass(frozen=True, slots=True)
class _Slice:
    """Pages of a table, from `first` on up to before `end`."""

    first: int
    end: int
    is_last: bool


def _slices(size_bytes: int, share: float, pages: int) -> Iterator[_Slice]:
    """Return slices of a table, read in some 20 ms each; evenly spread for a sample.

    Somebody who wants to alter the table waits for one slice, not for the table.
    """
    count = max(1, math.ceil(size_bytes / _PAGE_BYTES / pages))
    kept = max(1, round(count * share))
    for number in range(kept):
        position = number * count // kept
        yield _Slice(position * pages, (position + 1) * pages, position == count - 1)


def _by_range(part: _Slice) -> Composable:
    low = SQL("WHERE ctid >= {}::tid").format(f"({part.first},0)")
    high = SQL(" AND ctid < {}::tid").format(f"({part.end},0)")
    return low if part.is_last else low + high


def _by_list(part: _Slice) -> Composable:
    """Name every place where a row may lie; what lies behind the last slice is left out."""
    return SQL(
        "WHERE ctid = ANY (ARRAY(SELECT concat('(', page, ',', item, ')')::tid"
        " FROM generate_series({first}, {last}) AS page, generate_series(1, {most}) AS item))"
    ).format(first=part.first, last=part.end - 1, most=_MOST_ROWS)


def _create_table(copies: Mapping[int, Copy], copy: Copy) -> Composed:
    key = copy.table.partition_key
    partitioning = SQL("PARTITION BY {}").format(foreign_sql(key)) if key else SQL("")
    parent = copies.get(copy.table.parent_oid or 0)
    if parent is not None:
        return query("shadow/create_partition").format(
            name=_temporary(copy.name),
            parent=_temporary(parent.name),
            bound=foreign_sql(copy.table.partition_bound or "DEFAULT"),
            partitioning=partitioning,
        )
    columns = SQL(", ").join(_column(column) for column in copy.table.columns)
    return query("shadow/create_table").format(
        name=_temporary(copy.name), columns=columns, partitioning=partitioning
    )


def _column(column: Column) -> Composable:
    parts: list[Composable] = [Identifier(column.name), foreign_sql(column.type_sql)]
    if column.collation_sql:
        parts.append(foreign_sql(f"COLLATE {column.collation_sql}"))
    if column.not_null:
        parts.append(SQL("NOT NULL"))
    return SQL(" ").join(parts)


def _own_indexes(table: Table, copies: Mapping[int, Copy]) -> Iterator[Index]:
    """A partition gets the indexes of its parent with the parent's."""
    parent = copies.get(table.parent_oid or 0)
    inherited = {(i.method, i.keys, i.predicate) for i in parent.table.indexes} if parent else set()
    for index in table.indexes:
        if index.valid and (index.method, index.keys, index.predicate) not in inherited:
            yield index


def _is_harmless(box: Sandbox, table: Table, index: Index, trusted: Collection[str]) -> bool:
    """Building an index runs the functions in it: they must pass the guard, as a query's do."""
    if all(index.key_is_column) and index.predicate is None:
        return True
    keys = ", ".join(
        quoted(k) if c else f"({k})" for k, c in zip(index.keys, index.key_is_column, strict=True)
    )
    where = index.predicate or "true"
    probe = f"SELECT {keys} FROM {quoted(table.schema)}.{quoted(table.name)} WHERE {where}"  # noqa: S608
    return inspect(box.connection, canonical(probe), trusted) is None


def _point(name: pb.RangeVar, table: str) -> None:
    if not name.HasField("alias"):
        name.alias.aliasname = name.relname
    name.catalogname = ""
    name.schemaname = "pg_temp"
    name.relname = table


def _temporary(name: str) -> Identifier:
    return Identifier("pg_temp", name)
