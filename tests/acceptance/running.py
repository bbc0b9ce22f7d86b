"""The installed `agentdb` as a subprocess, and a database for it to audit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.servers import run as execute

AGENTDB = (sys.executable, "-m", "agentdb")

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
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603
        [*AGENTDB, *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment(**settings),
        timeout=300,
    )


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
