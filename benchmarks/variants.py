"""The databases the benchmark compares: one loaded base, one copy of it for each set of indexes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from agentdb import demo
from benchmarks.application import at_work

HERE = Path(__file__).parent
BASE = "bench_base"
MEMORY = "bench_memory"
INDEX_BYTES = SQL("""
SELECT coalesce(sum(pg_relation_size(indexrelid)), 0)::bigint
  FROM pg_stat_user_indexes
""")
TABLES_WITH_EXPRESSIONS = SQL("""
SELECT DISTINCT n.nspname, c.relname
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indexprs IS NOT NULL
   AND n.nspname NOT IN ('pg_catalog', 'information_schema')
""")
_MARGIN = 0.99
_TARGET = ("--format", "json", "--target")


@dataclass(frozen=True, slots=True)
class Variant:
    """One copy of the base with its set of indexes."""

    name: str
    url: str
    server_version: str
    statements: tuple[str, ...]
    index_bytes: int  # of all indexes, those of the base included
    build_seconds: float


@dataclass(frozen=True, slots=True)
class Advice:
    """What `agentdb audit` said of the base."""

    statements: tuple[str, ...]
    seconds: float
    answer: dict[str, object]


def make_base(server: str) -> None:
    """Load the shop and send its workload, so that pg_stat_statements knows it."""
    for name in (BASE, MEMORY):
        _copy(server, "template0", name)
    with psycopg.connect(_database(server, BASE), autocommit=True) as connection:
        demo.load(connection)
        demo.drive(connection)
        connection.execute("VACUUM (ANALYZE)")


def make_variant(server: str, name: str, statements: tuple[str, ...]) -> Variant:
    """Copy the base, its statistics too, and run the statements on the copy."""
    copy = f"bench_{name.replace('-', '_')}"
    _copy(server, BASE, copy)
    url = _database(server, copy)
    with psycopg.connect(url, autocommit=True) as connection:
        started = time.perf_counter()
        for statement in statements:
            connection.execute(statement.encode())
        seconds = time.perf_counter() - started
        _analyze_expressions(connection)
        version = connection.info.parameter_status("server_version") or ""
        return Variant(name, url, version, statements, _index_bytes(connection), seconds)


def drop_databases(server: str, names: list[str]) -> None:
    """Remove the base, the memory and the named variants."""
    with psycopg.connect(server, autocommit=True) as connection:
        for name in [BASE, MEMORY, *(f"bench_{name.replace('-', '_')}" for name in names)]:
            _drop(connection, name)


def read_script(name: str) -> tuple[str, ...]:
    """Return the statements of a script beside this file."""
    return split((HERE / f"{name}.sql").read_text(encoding="utf-8"))


def split(script: str) -> tuple[str, ...]:
    """Cut a script where a line ends with a semicolon; comment lines are left out."""
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("--")]
    parts = "\n".join([*lines, ""]).split(";\n")
    return tuple(part.strip() for part in parts if part.strip())


def ask_agentdb(server: str, budget_bytes: int | None) -> Advice:
    """Run the installed `agentdb` on the base as its user would, while the application works.

    The budget is given a little lower: sizes are told from copies, before anything is built.
    Raises CalledProcessError.
    """
    budget = budget_bytes and ["--budget-mb", f"{budget_bytes * _MARGIN / 2**20:.2f}"]
    settings = os.environ | {"AGENTDB_DATABASE_URL": _url(server, MEMORY)}
    _agentdb(settings, "init")
    started = time.perf_counter()
    with at_work(_url(server, BASE)):
        printed = _agentdb(settings, "audit", *(budget or []), *_TARGET, _url(server, BASE))
    seconds = time.perf_counter() - started
    answer = json.loads(printed)
    advised = [part for each in answer["recommendations"] for part in split(each["sql"] + "\n")]
    return Advice(tuple(each.rstrip(";") for each in advised), seconds, answer)


def _agentdb(settings: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "agentdb", *words]
    return subprocess.check_output(command, env=settings, text=True)  # noqa: S603 - our program


def _analyze_expressions(connection: Connection[TupleRow]) -> None:
    """Give the expressions of indexes their statistics; all else keeps those of the base.

    ANALYZE draws a new sample each time, and no variant shall win by a luckier one.
    """
    for schema, table in connection.execute(TABLES_WITH_EXPRESSIONS).fetchall():
        connection.execute(SQL("ANALYZE {}").format(Identifier(schema, table)))


def _index_bytes(connection: Connection[TupleRow]) -> int:
    row = connection.execute(INDEX_BYTES).fetchone()
    return int(row[0]) if row else 0


def _copy(server: str, template: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        _drop(connection, name)
        copy = SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copy.format(Identifier(name), Identifier(template)))


def _drop(connection: Connection[TupleRow], name: str) -> None:
    connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def _database(server: str, name: str) -> str:
    return make_conninfo(server, dbname=name)


def _url(server: str, name: str) -> str:
    """Return the server's URL with another database: the command line takes URLs only."""
    address, _, options = server.partition("?")
    return f"{address.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
