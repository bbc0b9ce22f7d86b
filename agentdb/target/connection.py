"""The way into the audited database, as a good guest: named, timed, read only, out of the way."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow, class_row

from agentdb.errors import BadSetting, TargetLost, TargetTooOld, TargetUnreachable
from agentdb.settings import checked_url
from agentdb.sql import query

Connection = psycopg.Connection[TupleRow]

OLDEST = 130000
"""The oldest server that can be audited, as `server_version_num` counts."""

_IDLE_IN_TRANSACTION_MILLISECONDS = 5_000

_WIRE: Mapping[str, int] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_NAMED: Mapping[str, str] = {"application_name": "agentdb", "client_encoding": "utf8"}

_NEXT_STEPS = (
    ("authentication failed", "check the user and the password in the URL"),
    ("no password supplied", "put a password into the URL, PGPASSWORD or ~/.pgpass"),
    ("pg_hba.conf", "let this machine in through pg_hba.conf, or ask for sslmode=require"),
    ("ssl", "check sslmode and the certificates in the URL"),
    ("certificate", "check sslmode and the certificates in the URL"),
    ('database "', "check the name of the database in the URL"),
    ('role "', "check the user in the URL"),
    ("resolve host", "check the host in the URL"),
    ("could not translate host", "check the host in the URL"),
    ("refused", "check the host and the port in the URL, and that the server runs"),
    ("no such file", "check the folder of the socket in the URL, and that the server runs"),
    ("timeout", "check the host in the URL and the firewall on the way"),
    ("connection slots", "close other connections, or raise max_connections"),
    ("too many", "close other connections, or raise the limit"),
    ("starting up", "try again in a moment"),
)

_ENDED = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"})


@dataclass(frozen=True, slots=True)
class Server:
    """What the other end is. `version` is as people write it, `version_number` as 180001."""

    version: str
    version_number: int
    database: str
    role: str
    is_superuser: bool
    is_standby: bool
    encoding: str
    sorts_by_code_point: bool  # the database's default collation is C's order
    search_path: list[str]
    extensions: Mapping[str, str]  # installed in this database: name to version
    extension_schemas: Mapping[str, str]  # name to the schema that its objects are in


def connect(
    url: str, *, statement_timeout_ms: int = 10_000, lock_timeout_ms: int = 200
) -> Connection:
    """Return a connection in autocommit mode that can only read and waits for nobody long.

    Raises BadSetting for a URL that cannot be read, TargetUnreachable when nobody answers or
    the door stays shut, TargetTooOld before PostgreSQL 13.
    """
    try:
        conninfo = checked_url(url)
    except ValueError as error:
        raise BadSetting(f"the URL of the audited database cannot be used: {error}") from error
    connection = _opened(conninfo)
    try:
        _behave(connection, statement_timeout_ms, lock_timeout_ms)
    except BaseException:
        connection.close()
        raise
    return connection


def describe(url: str) -> str:
    """Return `host/database` (`host:port/database`, if not 5432): never a name or a password."""
    parts = conninfo_to_dict(checked_url(url))
    host = parts.get("host") or parts.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
    port = str(parts.get("port") or os.environ.get("PGPORT") or 5432)
    user = parts.get("user") or os.environ.get("PGUSER")
    database = parts.get("dbname") or os.environ.get("PGDATABASE") or user or "default"
    return f"{host}/{database}" if port == "5432" else f"{host}:{port}/{database}"


def read_server(connection: Connection) -> Server:
    """Return what the other end is."""
    with translating_loss(), connection.cursor(row_factory=class_row(Server)) as cursor:
        return cursor.execute(query("target/server")).fetchall()[0]


@contextmanager
def translating_loss() -> Iterator[None]:
    """Raise TargetLost when the server goes away inside; other errors pass."""
    try:
        yield
    except psycopg.Error as error:
        if not is_loss(error):
            raise
        raise TargetLost(
            f"the audited database went away ({_first_line(error)}); nothing was changed there: "
            "run the audit again when it is back"
        ) from error


def is_loss(error: psycopg.Error) -> bool:
    """Tell whether an error means that the connection is gone."""
    state = error.sqlstate
    if state is None:  # the client's own word; the server never leaves it out
        return isinstance(error, psycopg.OperationalError)
    return state in _ENDED or state.startswith("08")


def _opened(conninfo: str) -> Connection:
    parts = {**_WIRE, **conninfo_to_dict(conninfo), **_NAMED}
    try:
        return psycopg.connect(make_conninfo("", **parts), autocommit=True)
    except psycopg.OperationalError as error:
        reason = _first_line(error)
        raise TargetUnreachable(
            f"cannot connect to {describe(conninfo)}: {reason}; {_next_step(reason)}"
        ) from error


def _behave(connection: Connection, statement_timeout_ms: int, lock_timeout_ms: int) -> None:
    if connection.info.server_version < OLDEST:
        raise TargetTooOld(
            f"the audited server is version {connection.info.parameter_status('server_version')}; "
            "agentdb reads PostgreSQL 13 and newer: upgrade it, or audit a newer copy"
        )
    limits = {
        "statement_timeout": str(statement_timeout_ms),
        "lock_timeout": str(lock_timeout_ms),
        "idle_timeout": str(_IDLE_IN_TRANSACTION_MILLISECONDS),
    }
    with translating_loss():
        connection.execute(query("target/guest"), limits)
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            connection.execute(query("target/every_byte"))


def _first_line(error: psycopg.Error) -> str:
    line = str(error).strip().partition("\n")[0]
    line = re.sub(r"^connection (failed|is bad): ", "", line)
    line = re.sub(r"^connection to server .*? failed: ", "", line)
    return re.sub(r"^\S+:  ", "", line) or "the connection is closed"


def _next_step(reason: str) -> str:
    words = reason.lower()
    steps = (step for sign, step in _NEXT_STEPS if sign in words)
    return next(steps, "try the same URL with psql")
