"""Our own storage, opened: engine, session, and the schema `agentdb` at the right revision."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecoder
from pathlib import Path
from typing import Literal

import psycopg
from pgvector import HalfVector as HalfWire
from pgvector import Vector as Wire
from pgvector.psycopg.halfvec import HalfVectorBinaryDumper
from pgvector.psycopg.vector import VectorBinaryDumper
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import set_json_loads
from sqlalchemy import (
    Connection,
    Engine,
    Text,
    column,
    create_engine,
    event,
    func,
    inspect,
    select,
    table,
    text,
    true,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateSchema

from agentdb import sql
from agentdb.errors import (
    AgentDBError,
    BadSetting,
    DatabaseUnreachable,
    SchemaMissing,
    SchemaOutOfDate,
    SchemaTooNew,
    SetupMissing,
    TenantRefused,
)
from agentdb.models.base import SCHEMA
from agentdb.settings import checked_url

SchemaState = Literal["current", "missing", "behind", "ahead"]

SETUP = (
    # Not where the search path points: for a role named agentdb that is our own schema.
    text("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public"),
    text("CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public"),
    CreateSchema(SCHEMA, if_not_exists=True),
)
"""What must be there before the first migration."""

_CONNECT_SECONDS = 10
_OF_ANOTHER = re.compile("no tenant is announced|cannot be searched as|row-level security policy")
_PGVECTOR = (0, 8)  # scans an index on until there are enough rows
_UPGRADE_LOCK = 7_018_134_801_190_154_240  # any number that nobody else locks


def make_engine(url: str) -> Engine:
    """Return an engine for our own tables; nothing is connected yet.

    `url` is whatever libpq takes (`postgresql://…`, `host=… dbname=…`) or SQLAlchemy's
    `postgresql+psycopg://…`. Raises `BadSetting`; using the engine raises `DatabaseUnreachable`
    or `SetupMissing` where SQLAlchemy would raise its own errors.

    >>> make_engine("postgresql://localhost/shop").dialect.driver
    'psycopg'
    """
    engine = create_engine("postgresql+psycopg://", connect_args=_parameters(url))
    _equip(engine)
    return engine


def make_async_engine(url: str) -> AsyncEngine:
    """Return the same as `make_engine`, for an event loop; dispose of it in that loop.

    >>> make_async_engine("postgresql://localhost/shop").dialect.is_async
    True
    """
    engine = create_async_engine("postgresql+psycopg://", connect_args=_parameters(url))
    _equip(engine.sync_engine)
    return engine


def _equip(engine: Engine) -> None:
    event.listen(engine, "handle_error", _explained, retval=True)
    accept_vectors(engine)


def accept_vectors(engine: Engine) -> None:
    """Let the connections of an engine, also of an application's own, send vectors in binary.

    Of an `AsyncEngine` give its `sync_engine`.
    """
    event.listen(engine, "connect", _register_vectors)


def _register_vectors(connection: psycopg.Connection, _record: ConnectionPoolEntry) -> None:
    # Of an async engine it is SQLAlchemy's adapter, which has the same `adapters`.
    connection.adapters.register_dumper(Wire, VectorBinaryDumper)
    connection.adapters.register_dumper(HalfWire, HalfVectorBinaryDumper)
    set_json_loads(_json, connection)


def _json(data: str | bytes) -> object:
    """Return what the server's JSON says; three times as fast as `json.loads` where it is short."""
    return _JSON.raw_decode(data if isinstance(data, str) else str(data, "utf-8"))[0]


_JSON = JSONDecoder()


@contextmanager
def session(engine: Engine) -> Iterator[Session]:
    """Give a session in a transaction: committed at the end, rolled back if anything is raised."""
    with Session(engine, expire_on_commit=False) as opened, opened.begin():
        yield opened


def _parameters(url: str) -> dict[str, str | int | None]:
    try:
        parsed = conninfo_to_dict(checked_url(url))
    except ValueError as error:  # whose message holds no part of the URL
        raise BadSetting(f"AGENTDB_DATABASE_URL cannot be used: {error}") from error
    return {"application_name": "agentdb", "connect_timeout": _CONNECT_SECONDS, **parsed}


def _explained(context: ExceptionContext) -> AgentDBError | None:
    error = context.original_exception
    if not isinstance(error, Exception):  # Ctrl-C or a cancelled await, not the server's doing
        return None
    reason = _first_line(error)
    if context.connection is None or context.is_disconnect:
        return DatabaseUnreachable(
            f"agentdb's own database does not answer ({reason}): check AGENTDB_DATABASE_URL, "
            "and that the server runs"
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        if _OF_ANOTHER.search(reason):
            return TenantRefused(f"{reason}: use a repository of that tenant")
        return SetupMissing(
            f"agentdb's role may not do that in its database ({reason}): let a superuser run "
            f"{_setup('extensions')} and {_setup('roles')} there with psql"
        )
    return None


def upgrade(url: str) -> list[str]:
    """Bring the schema `agentdb` to the newest revision; return the revisions applied.

    Runs in one transaction under an advisory lock, so that two at once do it once. Raises
    `SchemaTooNew`, and `SetupMissing` where the role may not create schema or extension.

    >>> upgrade(url)  # again
    []
    """
    with _alone(url) as connection:
        before = _revision(connection)
        if _state(before) == "current":
            return []
        _migrate("upgrade", "head", connection)
        return [revision for revision in _revisions() if before is None or revision > before]


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to a revision; `base` drops all our tables, and what is in them."""
    with _alone(url) as connection:
        _migrate("downgrade", revision, connection)


def upgrade_sql() -> str:
    """Return the SQL that `upgrade` would run on an empty database."""
    return _migrate("upgrade", "head", None)


def prepare(connection: Connection) -> None:
    """Create extension and schema where they are missing; `env.py` of the migrations calls it.

    Looks first: CREATE … IF NOT EXISTS wants the privilege even when there is nothing to do.
    """
    create_vector, create_gist, create_schema = SETUP
    if not _sees_vectors(connection):
        with _explained_as("pgvector", "postgresql-18-pgvector"):
            connection.execute(create_vector)
    if not _sees_vectors(connection):
        raise SetupMissing(
            "pgvector is installed in a schema that agentdb's role does not search: "
            'ALTER ROLE … SET search_path = "$user", public and the schema of the extension vector'
        )
    _require_pgvector(connection)
    if _extension(connection, "btree_gist") is None:
        with _explained_as("btree_gist", "postgresql-contrib"):
            connection.execute(create_gist)
    if not inspect(connection).has_schema(SCHEMA):
        connection.execute(create_schema)
    _become_owner(connection)


def _become_owner(connection: Connection) -> None:
    """Work as the owner of the schema to the end of the transaction.

    So what a superuser makes belongs to whom `sql/setup/roles.sql` gave the schema.
    """
    schema = table("pg_namespace", column("nspname"), column("nspowner"), schema="pg_catalog")
    owner = select(func.pg_get_userbyid(schema.c.nspowner)).where(schema.c.nspname == SCHEMA)
    name = connection.execute(owner).scalar_one()
    may = select(func.pg_has_role(name, "MEMBER"), func.current_user() == name)
    is_member, is_owner = connection.execute(may).one()
    if not is_member:
        raise SetupMissing(
            f"the schema {SCHEMA} belongs to {name}: let a superuser or a member of {name} run "
            "`agentdb init --database URL`"
        )
    if not is_owner:
        connection.execute(select(func.set_config("role", name, true())))


def _sees_vectors(connection: Connection) -> bool:
    return connection.scalar(select(func.to_regtype("vector"))) is not None


def _require_pgvector(connection: Connection) -> None:
    version = _extension(connection, "vector") or "0"
    if tuple(map(int, version.split(".")[:2])) < _PGVECTOR:
        wanted = ".".join(map(str, _PGVECTOR))
        raise SetupMissing(
            f"pgvector {version} is installed, agentdb needs {wanted}: install it on the server, "
            "then run ALTER EXTENSION vector UPDATE in this database"
        )


def _extension(connection: Connection, name: str) -> str | None:
    """Return the version of an extension that the database has."""
    columns = (column("extname", Text()), column("extversion", Text()))
    installed = table("pg_extension", *columns, schema="pg_catalog")
    wanted = select(installed.c.extversion).where(installed.c.extname == name)
    return connection.scalar(wanted)


@contextmanager
def _explained_as(extension: str, package: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise SetupMissing(
            f"{extension} cannot be created ({_first_line(error.orig)}): install it on the server "
            f"(Debian: {package}), then run {_setup('extensions')} with psql"
        ) from error


def schema_state(url: str) -> SchemaState:
    """Return how the schema in that database stands to this program."""
    with _opened(url) as connection:
        return _state(_revision(connection))


def require_current(engine: Engine) -> None:
    """Raise `SchemaMissing`, `SchemaOutOfDate` or `SchemaTooNew` unless the schema is ours."""
    with engine.connect() as connection:
        state = _state(_revision(connection))
    if state != "current":
        raise _ERRORS[state](_ADVICE[state])


_ERRORS = {"missing": SchemaMissing, "behind": SchemaOutOfDate, "ahead": SchemaTooNew}
_ADVICE = {
    "missing": "the schema agentdb is not in this database yet: run `agentdb init`",
    "behind": "the schema agentdb is older than this program: run `agentdb init`",
    "ahead": "the schema agentdb is newer than this program: upgrade it (pip install -U agentdb)",
}


def _state(revision: str | None) -> SchemaState:
    known = _revisions()
    if revision is None:
        return "missing"
    if revision not in known:
        return "ahead"
    return "current" if revision == known[-1] else "behind"


def _revisions() -> list[str]:
    """Return our revisions, oldest first; each is named as its file, so no alembic is needed."""
    return sorted(file.stem for file in (_migrations() / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    version = table("alembic_version", column("version_num", Text()), schema=SCHEMA)
    if connection.scalar(select(func.to_regclass(version.fullname))) is None:
        return None
    return connection.scalar(select(version.c.version_num))


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _alone(url: str) -> Iterator[Connection]:
    with _opened(url) as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        if _state(_revision(connection)) == "ahead":
            raise SchemaTooNew(_ADVICE["ahead"])
        yield connection


def _migrate(
    direction: Literal["upgrade", "downgrade"], revision: str, connection: Connection | None
) -> str:
    """Let alembic work on a connection; without one, return the SQL it would run."""
    from alembic import command  # noqa: PLC0415  60 ms that a command without migration saves
    from alembic.config import Config  # noqa: PLC0415

    printed = io.StringIO()
    config = Config(output_buffer=printed, attributes={"connection": connection})
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    step = command.upgrade if direction == "upgrade" else command.downgrade
    step(config, revision, sql=connection is None)
    return printed.getvalue()


def _migrations() -> Path:
    return sql.folder("migrations")


def _setup(name: str) -> Path:
    return sql.folder("sql") / "setup" / f"{name}.sql"


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]
