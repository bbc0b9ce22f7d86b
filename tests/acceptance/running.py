"""`agentdb` as a process of its own, and a database for it to audit."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentdb.cli import app
from tests.servers import run as execute

AGENTDB = (sys.executable, "-m", "agentdb")

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tests.acceptance.running",
        "agentdb.models.every",
        *[f"agentdb.wiring.{room}" for room in ("attaching", "ingesting", "reembedding", "weekly")],
    ]
)
_MAIN = str(Path(app.__file__).parents[1] / "__main__.py")
_PATIENCE = 300  # seconds

Finished = subprocess.CompletedProcess[str]

SHOP = (
    "CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL, name text NOT NULL)",
    """INSERT INTO customers
       SELECT n, 'Person' || n || '@Example.com', 'name ' || n FROM generate_series(1, 20000) n""",
    "CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, total int NOT NULL)",
    "INSERT INTO orders SELECT n, n % 5000, n % 90 FROM generate_series(1, 40000) n",
    "VACUUM ANALYZE",
    """SELECT pg_stat_statements_reset(0, oid, 0)
       FROM pg_database WHERE datname = current_database()""",
)
"""Two tables whose foreign key and whose look-up by e-mail have no index."""

TRAFFIC = (
    *[f"SELECT id, total FROM orders WHERE customer_id = {n}" for n in range(30)],
    *[f"SELECT id FROM customers WHERE lower(email) = 'person{n}@example.com'" for n in range(20)],
    *[f"SELECT name FROM customers WHERE id = {n}" for n in range(10)],
)


def environment(**settings: str) -> dict[str, str]:
    """Return the environment with these settings of agentdb, and none of the machine's own."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("AGENTDB_")}
    named = {f"AGENTDB_{name.upper()}": text for name, text in settings.items()}
    return {**kept, "COLUMNS": "160", "AGENTDB_EMBEDDING_MODEL": "hashing", **named}


def agentdb(*arguments: str, **settings: str) -> Finished:
    """Run a command to its end, in a process forked from one that has imported all it needs.

    Most of a short command's time is Python's imports, and hundreds of them are run here.
    """
    with tempfile.TemporaryDirectory() as folder:
        printed_to = Path(folder, "out"), Path(folder, "err")
        command = _FORKS.Process(target=_run, args=(arguments, environment(**settings), printed_to))
        command.start()
        command.join(_PATIENCE)
        if command.exitcode is None:
            command.kill()
            raise subprocess.TimeoutExpired(arguments, _PATIENCE)
        out, err = (path.read_text(encoding="utf-8") for path in printed_to)
    return Finished(arguments, command.exitcode, out, err)


def _run(
    arguments: tuple[str, ...], variables: Mapping[str, str], printed_to: tuple[Path, Path]
) -> None:
    os.environ.clear()
    os.environ.update(variables)
    for descriptor, path in enumerate(printed_to, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv = [_MAIN, *arguments]
    app.main()


def printed(*arguments: str, **settings: str) -> Any:  # noqa: ANN401 - JSON
    """Run a command that must succeed and return the JSON it printed."""
    done = agentdb(*arguments, "--format", "json", **settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def open_shop(url: str) -> None:
    """Make the shop and let its application work."""
    execute(url, *SHOP)
    serve(url)


def serve(url: str) -> None:
    """Let the shop's application work."""
    execute(url, *TRAFFIC)


def places(database_url: str, target_url: str) -> Mapping[str, str]:
    """Return the settings that say where the two databases are."""
    return {"database_url": database_url, "target_url": target_url}


def complaint(done: Finished, code: int = 1) -> str:
    """Return the only line on stderr of a command that failed, without anything on stdout."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("agentdb: ")
    return done.stderr.removeprefix("agentdb: ").strip()
