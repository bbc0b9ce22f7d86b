"""Whoever brings some of our tables brings those that they refer to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import agentdb.models

MODULES = sorted(path.stem for path in Path(agentdb.models.__path__[0]).glob("[a-z]*.py"))

# Each in a process that has seen no other; forked, as SQLAlchemy takes half a second to come.
EACH = """
import importlib, os, sys
import sqlalchemy.orm
for name in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module(f"agentdb.models.{name}")
        tables = importlib.import_module("agentdb.models.base").Base.metadata.tables
        names = [key.column.name for table in tables.values() for key in table.foreign_keys]
        print(name, len(tables), len(names), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{name} refers to a table that it does not bring")
"""


def test_each_module_brings_the_tables_that_it_refers_to() -> None:
    found = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", EACH, *MODULES], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    counts = {name: int(tables) for name, tables, _ in map(str.split, found.stdout.splitlines())}
    assert counts.keys() == set(MODULES)
    assert counts["audit"] == 2 < counts["every"]
