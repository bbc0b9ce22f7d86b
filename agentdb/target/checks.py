"""What an audit needs of the audited database, and how to mend what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from psycopg.rows import class_row
from psycopg.sql import Identifier

from agentdb.errors import TargetError, TargetRefused
from agentdb.sql import query
from agentdb.target.connection import Connection, Server, read_server, translating_loss
from agentdb.target.index import quoted
from agentdb.target.statements import Window, read_extension, read_window, readable_schema

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `mend` says what to do, empty where all is well.

    `failed` means that an audit could not run, `warning` that it would be worth less.
    """

    name: str
    state: State
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Privileges:
    """What the role may do in the audited database."""

    reads_all_statistics: bool
    makes_temporary_tables: bool
    tables: int
    unreadable_tables: int
    unreadable_example: str | None
    unanalyzed_tables: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """How much pg_stat_statements holds of this database."""

    held: int
    hidden: int
    most: int


def check_target(connection: Connection) -> tuple[Check, ...]:
    """Return what was looked at on the audited database, and how it is."""
    server = read_server(connection)
    privileges = _read_privileges(connection)
    return (
        *judge_server(server),
        *_check_statements(connection, server),
        *judge_privileges(privileges, server),
    )


def require_temporary_tables(connection: Connection) -> None:
    """Raise TargetRefused unless the role may make temporary tables: without, nothing is tried."""
    if not _read_privileges(connection).makes_temporary_tables:
        role, database = quoted(connection.info.user), quoted(connection.info.dbname)
        raise TargetRefused(
            f"role {role} may not make the temporary tables that ideas are tried on: "
            f"run GRANT TEMPORARY ON DATABASE {database} TO {role}"
        )


def judge_server(server: Server) -> Iterator[Check]:
    """Say what the server and the role are good for; pure."""
    yield Check("server", "ok", f"PostgreSQL {server.version}, database {server.database}")
    if server.is_superuser:
        mend = "audit as a role that can only read: psql -f sql/setup/roles.sql makes one"
        yield Check("role", "warning", f"{server.role} is a superuser", mend)
    else:
        yield Check("role", "ok", server.role)
    if server.is_standby:
        mend = "audit the primary, or a copy that can be written"
        yield Check("standby", "failed", "a standby cannot hold temporary tables", mend)
    if "hypopg" in server.extensions:
        yield Check("hypopg", "ok", server.extensions["hypopg"])
    else:
        yield Check("hypopg", "ok", "not installed; not needed, it makes audits shorter")


def judge_privileges(privileges: Privileges, server: Server) -> Iterator[Check]:
    """Say what the role may not do and would have to; pure."""
    role, database = quoted(server.role), quoted(server.database)
    if privileges.reads_all_statistics:
        yield Check("statistics", "ok", "statements of all users can be read")
    else:
        mend = f"GRANT pg_read_all_stats TO {role}"
        yield Check("statistics", "warning", "statements of other users are hidden", mend)
    if privileges.makes_temporary_tables:
        yield Check("temporary tables", "ok", "can be made")
    else:
        mend = f"GRANT TEMPORARY ON DATABASE {database} TO {role}"
        yield Check("temporary tables", "failed", "cannot be made, so nothing can be tried", mend)
    yield _judge_tables(privileges, role)
    if privileges.unanalyzed_tables:
        found = f"{privileges.unanalyzed_tables} tables have none"
        yield Check("planner's statistics", "warning", found, "run ANALYZE")


def judge_recorded(recorded: Recorded, window: Window) -> Iterator[Check]:
    """Say whether what pg_stat_statements holds is worth an audit; pure."""
    if not recorded.held:
        mend = "let the application run for a while; check pg_stat_statements.track"
        yield Check("workload", "warning", "no statement of this database yet", mend)
    elif recorded.hidden == recorded.held:
        mend = "grant pg_read_all_stats"
        yield Check("workload", "failed", f"all {recorded.held} texts are hidden", mend)
    else:
        since = f" since {window.since:%Y-%m-%d %H:%M}" if window.since else ""
        yield Check("workload", "ok", f"{recorded.held} statements of this database{since}")
    if window.evictions:
        found = f"had to forget {window.evictions} times, {recorded.most} statements fit"
        yield Check("pg_stat_statements.max", "warning", found, "raise it and restart the server")


def _judge_tables(privileges: Privileges, role: str) -> Check:
    unreadable, tables = privileges.unreadable_tables, privileges.tables
    if not tables:
        mend = "check the database in the URL"
        return Check("tables", "warning", "there are none in this database", mend)
    if not unreadable:
        return Check("tables", "ok", f"all {tables} can be read")
    found = f"{unreadable} of {tables} cannot be read, {privileges.unreadable_example} for one"
    mend = f"GRANT USAGE ON SCHEMA … TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA … TO {role}"
    return Check("tables", "failed" if unreadable == tables else "warning", found, mend)


def _check_statements(connection: Connection, server: Server) -> Iterator[Check]:
    extension = read_extension(connection)
    try:
        schema = readable_schema(extension, server.database, server.role)
    except TargetError as error:
        found, _, mend = str(error).partition(": ")
        yield Check("pg_stat_statements", "failed", found, mend)
        return
    yield Check("pg_stat_statements", "ok", str(extension.version))
    window = read_window(connection, extension)
    yield from judge_recorded(_read_recorded(connection, schema), window)


def _read_privileges(connection: Connection) -> Privileges:
    with translating_loss(), connection.cursor(row_factory=class_row(Privileges)) as cursor:
        return cursor.execute(query("doctor/privileges")).fetchall()[0]


def _read_recorded(connection: Connection, schema: str) -> Recorded:
    named = query("doctor/statements").format(schema=Identifier(schema))
    with translating_loss(), connection.cursor(row_factory=class_row(Recorded)) as cursor:
        return cursor.execute(named).fetchall()[0]
