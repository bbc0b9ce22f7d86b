"""pg_stat_statements of the audited database, whichever version of it is installed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import InsufficientPrivilege
from psycopg.rows import class_row
from psycopg.sql import Identifier

from agentdb.errors import ExtensionTooOld, StatementsUnavailable
from agentdb.sql import query
from agentdb.target.connection import Connection, translating_loss
from agentdb.target.index import quoted

TAG = "/* agentdb */"
"""What marks a statement of ours. It stands behind the first keyword: from PostgreSQL 18 on
pg_stat_statements does not keep a comment in front of it."""

HIDDEN = "<insufficient privilege>"
"""What stands for the text of another user's statement, without pg_read_all_stats."""

_PAUSE = 0.02  # seconds
_PRELOAD = "add it to shared_preload_libraries and restart the server"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a text (None when the server lost it) as one user sent it, and totals."""

    query: str | None
    calls: int
    total_milliseconds: float
    rows: int
    blocks: int
    temp_blocks: int


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement of one session."""

    pid: int
    at: datetime
    query: str


@dataclass(frozen=True, slots=True)
class Window:
    """Since when is counted, and how often entries had to be forgotten; None: not known."""

    since: datetime | None = None
    evictions: int | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """The extension as it is installed; no version and no schema when it is not."""

    preloaded: bool
    version: str | None
    schema: str | None
    readable: bool
    columns: list[str]
    has_info: bool


def read_extension(connection: Connection) -> Extension:
    """Return how pg_stat_statements is installed in this database."""
    with translating_loss(), connection.cursor(row_factory=class_row(Extension)) as cursor:
        return cursor.execute(query("workload/extension")).fetchall()[0]


def readable_schema(extension: Extension, database: str, role: str) -> str:
    """Return the schema to read pg_stat_statements in.

    Raises StatementsUnavailable or ExtensionTooOld with what stands in the way.
    """
    if extension.schema is None:
        first = "" if extension.preloaded else f"{_PRELOAD}, then "
        raise StatementsUnavailable(
            f"pg_stat_statements is not installed in database {quoted(database)}: "
            f"{first}run CREATE EXTENSION pg_stat_statements there"
        )
    if not extension.preloaded:
        raise StatementsUnavailable(f"pg_stat_statements is not preloaded: {_PRELOAD}")
    if "total_exec_time" not in extension.columns:
        raise ExtensionTooOld(
            f"pg_stat_statements {extension.version} is older than 1.8: "
            "run ALTER EXTENSION pg_stat_statements UPDATE"
        )
    if not extension.readable:
        raise not_readable(extension.schema, role)
    return extension.schema


def read_entries(connection: Connection) -> tuple[list[Entry], Window]:
    """Return what this database has executed at top level, one row per user and text.

    Raises StatementsUnavailable, ExtensionTooOld or TargetLost.
    """
    extension = read_extension(connection)
    role = connection.info.user
    schema = readable_schema(extension, connection.info.dbname, role)
    try:
        with translating_loss():
            return _entries(connection, schema), read_window(connection, extension)
    except InsufficientPrivilege as error:
        raise not_readable(schema, role) from error


def watch_activity(connection: Connection, seconds: float) -> list[str]:
    """Return what sessions of this database send in some seconds: a text as often as it is sent.

    What they sent last is part of it, what was cut off is not. Sessions are looked at fifty times
    a second, so of a fast one only a part is seen; where nobody else is there, it ends at once.
    """
    seen: set[Sent] = set()
    until = time.monotonic() + seconds
    while now := _activity(connection):
        seen.update(now)
        if time.monotonic() >= until:
            break
        time.sleep(_PAUSE)
    return [sent.query for sent in sorted(seen, key=lambda sent: (sent.at, sent.pid))]


def _activity(connection: Connection) -> list[Sent]:
    with translating_loss(), connection.cursor(row_factory=class_row(Sent)) as cursor:
        return cursor.execute(query("workload/activity")).fetchall()


def _entries(connection: Connection, schema: str) -> list[Entry]:
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        named = query("workload/statements").format(schema=Identifier(schema))
        return cursor.execute(named).fetchall()


def read_window(connection: Connection, extension: Extension) -> Window:
    """Return since when it counts; nothing is known where the extension does not say."""
    if not extension.has_info or extension.schema is None:
        return Window()
    with connection.cursor(row_factory=class_row(Window)) as cursor:
        named = query("workload/window").format(schema=Identifier(extension.schema))
        return cursor.execute(named).fetchall()[0]


def hidden_texts(role: str) -> StatementsUnavailable:
    """Return the error that a role sees no text of another user's."""
    return StatementsUnavailable(
        "pg_stat_statements hides the statements of other users: run "
        f"GRANT pg_read_all_stats TO {quoted(role)}"
    )


def not_readable(schema: str, role: str) -> StatementsUnavailable:
    """Return the error that a role may not look there at all."""
    view = f"{quoted(schema)}.pg_stat_statements"
    return StatementsUnavailable(
        f"role {quoted(role)} may not read pg_stat_statements: run "
        f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(role)}; "
        f"GRANT SELECT ON {view} TO {quoted(role)}; "
        f"GRANT pg_read_all_stats TO {quoted(role)}"
    )
