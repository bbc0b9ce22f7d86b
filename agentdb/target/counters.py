"""One reading of the audited database's counters, in one transaction that cannot write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from psycopg.errors import InsufficientPrivilege, LockNotAvailable, QueryCanceled
from psycopg.rows import RowFactory, class_row, kwargs_row
from psycopg.sql import Identifier

from agentdb.errors import TargetBusy
from agentdb.history.reading import (
    IndexCounters,
    Reading,
    Spent,
    Statement,
    StatementCounters,
    TableCounters,
    Work,
)
from agentdb.sql import query
from agentdb.target.connection import Connection, translating_loss
from agentdb.target.kinds import is_ours, is_system, kind_of, named_relations, writes
from agentdb.target.read_catalog import Altered, altered_relations
from agentdb.target.statements import (
    HIDDEN,
    TAG,
    Extension,
    Window,
    hidden_texts,
    not_readable,
    read_extension,
    read_window,
    readable_schema,
)
from agentdb.target.syntax import Unparsable, fingerprint, parse_one, pb

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Occasion:
    """What is known before anything is read; `schema` is where pg_stat_statements is."""

    target: str
    taken_at: datetime
    extension: Extension
    schema: str
    altered: Sequence[Altered]


@dataclass(frozen=True, slots=True)
class _Server:
    server_time: datetime
    server_version: int
    server_started_at: datetime
    database_oid: int
    database_reset_at: datetime | None
    search_path: list[str]


@dataclass(frozen=True, slots=True)
class _Setting:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class _Entry:
    user_oid: int
    query_id: int | None  # None where the text is hidden
    query: str | None  # None where the server has lost it
    since: datetime | None
    spent: Spent

    @property
    def is_identified(self) -> bool:
        return self.query_id is not None and self.query not in {None, HIDDEN}


@dataclass(frozen=True, slots=True)
class _View:
    schema: str
    name: str
    tables: list[str]


def read_counters(connection: Connection, target: str, taken_at: datetime) -> Reading:
    """Return the counters of this database: of its statements, tables, indexes and settings.

    Of statements those that an audit would look at: that read or write a table of the
    application's, at top level. It never queues behind somebody who alters a table.

    Raises StatementsUnavailable when pg_stat_statements is not installed, not preloaded, not
    readable or hides every text, ExtensionTooOld before its version 1.8, TargetBusy, TargetLost.
    """
    extension = read_extension(connection)
    schema = readable_schema(extension, connection.info.dbname, connection.info.user)
    try:
        with translating_loss():
            altered = altered_relations(connection)
            occasion = _Occasion(target, taken_at, extension, schema, altered)
            with _one_moment(connection):
                found = _read(connection, occasion)
    except InsufficientPrivilege as error:
        raise not_readable(schema, connection.info.user) from error
    except LockNotAvailable as error:
        raise TargetBusy(
            "a table of the audited database is being altered: try again in a moment"
        ) from error
    except QueryCanceled as error:
        raise TargetBusy(
            f"the audited database took too long ({error.diag.message_primary}): "
            "raise AGENTDB_STATEMENT_TIMEOUT_MS"
        ) from error
    # With nothing open: to read thousands of texts takes longer than a guest may keep quiet.
    return _reading(found, occasion, connection.info.user)


@contextmanager
def _one_moment(connection: Connection) -> Iterator[None]:
    connection.execute(query("sandbox/begin_reading"))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(query("sandbox/rollback"))


@dataclass(frozen=True, slots=True)
class _Found:
    """What the server said at one moment."""

    server: _Server
    entries: Sequence[_Entry]
    window: Window
    tables: Sequence[TableCounters]
    views: Sequence[_View]
    indexes: Sequence[IndexCounters]
    settings: Mapping[str, str]


def _read(connection: Connection, occasion: _Occasion) -> _Found:
    (server,) = _fetch(connection, "snapshot/server", class_row(_Server))
    connection.execute(query("catalog/qualified_names"))
    return _Found(
        server,
        _fetch(connection, "snapshot/statements", kwargs_row(_entry), occasion),
        read_window(connection, occasion.extension),
        _fetch(connection, "snapshot/tables", kwargs_row(_table)),
        _fetch(connection, "snapshot/views", class_row(_View)),
        _indexes(connection, occasion),
        _settings(connection),
    )


def _reading(found: _Found, occasion: _Occasion, user: str) -> Reading:
    server, entries, tables = found.server, found.entries, found.tables
    names = _Names(server.search_path, tables, found.views)
    statements = tuple(_statements(entries, names))
    if not statements and any(entry.query == HIDDEN for entry in entries):
        raise hidden_texts(user)
    altered = {one.oid for one in occasion.altered}
    return Reading(
        target=occasion.target,
        taken_at=occasion.taken_at,
        server_time=server.server_time,
        server_version=server.server_version,
        server_started_at=server.server_started_at,
        database_oid=server.database_oid,
        statements_reset_at=found.window.since,
        database_reset_at=server.database_reset_at,
        evictions=found.window.evictions,
        unidentified=sum(not entry.is_identified for entry in entries),
        settings=found.settings,
        statements=statements,
        tables=tuple(tables),
        indexes=tuple(found.indexes),
        altered=frozenset((table.schema, table.name) for table in tables if table.oid in altered),
    )


def _indexes(connection: Connection, occasion: _Occasion) -> list[IndexCounters]:
    with connection.cursor(row_factory=class_row(IndexCounters)) as cursor:
        given = {"altered": [one.oid for one in occasion.altered]}
        return cursor.execute(query("snapshot/indexes"), given).fetchall()


def _settings(connection: Connection) -> Mapping[str, str]:
    settings = _fetch(connection, "snapshot/settings", class_row(_Setting))
    return {setting.name: setting.value for setting in settings}


def _fetch(
    connection: Connection, name: str, factory: RowFactory[_T], occasion: _Occasion | None = None
) -> list[_T]:
    text = query(name)
    named = text.format(schema=Identifier(occasion.schema)) if occasion else text
    with connection.cursor(row_factory=factory) as cursor:
        return cursor.execute(named).fetchall()


def _entry(
    user_oid: int, query_id: int | None, query: str | None, since: datetime | None, **spent: float
) -> _Entry:
    return _Entry(user_oid, query_id, query, since, Spent(**spent))  # type: ignore[arg-type]


def _table(**row: object) -> TableCounters:
    work = Work(**{name: row.pop(name) for name in Work.__slots__})  # type: ignore[arg-type]
    return TableCounters(work=work, **row)  # type: ignore[arg-type]


# What the entries are -----------------------------------------------------------------------------


class _Names:
    """Which tables a name in a statement means: `schema.table` of each."""

    def __init__(
        self, path: Sequence[str], tables: Iterable[TableCounters], views: Iterable[_View]
    ) -> None:
        self._path = path
        self._schemas: defaultdict[str, dict[str, Collection[str]]] = defaultdict(dict)
        for table in tables:
            self._schemas[table.name][table.schema] = (f"{table.schema}.{table.name}",)
        for view in views:
            self._schemas[view.name][view.schema] = view.tables

    def tables(self, relations: Iterable[pb.RangeVar]) -> frozenset[str]:
        """Return all of them."""
        found = (self._meant(name.schemaname, name.relname) for name in relations)
        return frozenset(table for tables in found for table in tables)

    def _meant(self, schema: str, name: str) -> Iterator[str]:
        """Return what a name means; off the search path, all that somebody else may mean by it."""
        known = self._schemas.get(name, {})
        wanted = [schema] if schema else [one for one in self._path if one in known][:1]
        for one in wanted or known:
            yield from known.get(one, ())


def _statements(entries: Iterable[_Entry], names: _Names) -> Iterator[StatementCounters]:
    identified: dict[str, Statement | None] = {}
    for entry in entries:
        if not entry.is_identified or entry.query is None or entry.query_id is None:
            continue
        if entry.query not in identified:
            identified[entry.query] = _statement(entry.query, names)
        if statement := identified[entry.query]:
            yield StatementCounters(
                entry.user_oid, entry.query_id, statement, entry.since, entry.spent
            )


def _statement(text: str, names: _Names) -> Statement | None:
    """Return what a text is; None if it is ours, of the system, or nothing that is followed."""
    told = _told(text)
    if told is None:
        return None
    return Statement(told.mark, text, names.tables(told.relations), told.writes)


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What a text tells by itself, whatever its names mean."""

    mark: str
    relations: Sequence[pb.RangeVar]
    writes: bool


@lru_cache(maxsize=10_000)  # whoever reads every few minutes meets the same texts again
def _told(text: str) -> _Told | None:
    if TAG in text:
        return None
    try:
        tree, mark = parse_one(text), fingerprint(text)
    except Unparsable:
        return None
    relations = tuple(named_relations(tree))
    if not kind_of(tree) or all(is_system(name) or is_ours(name) for name in relations):
        return None
    return _Told(mark, relations, writes(tree))
