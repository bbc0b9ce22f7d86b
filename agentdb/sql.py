"""The one reader of `sql/`: every statement agentdb sends to an audited database."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from psycopg.sql import SQL

_PACKAGE = Path(__file__).parent


@cache
def folder(name: str) -> Path:
    """Return a folder that travels with the package: inside the wheel, or beside a checkout's."""
    shipped = _PACKAGE / f"_{name}"
    return shipped if shipped.is_dir() else _PACKAGE.parent / name


@cache
def text(name: str) -> str:
    """Return the text of `sql/NAME.sql`, as a DBA would read it."""
    return (folder("sql") / f"{name}.sql").read_text(encoding="utf-8")


def query(name: str) -> SQL:
    """Return `sql/NAME.sql` for psycopg: a text we vouch for, composable with `Identifier`."""
    return SQL(text(name))
