"""Every statement in `sql/` is explained, marked as ours, and listed where one can look it up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentdb.sql import folder
from agentdb.target.statements import TAG

SQL = folder("sql")
# The demo plays an application; the others are run where agentdb lives, not where it audits.
NOT_SENT_TO_A_TARGET = {"demo", "setup", "embedded"}

STATEMENTS = sorted(path.relative_to(SQL) for path in SQL.rglob("*.sql"))
SENT = [path for path in STATEMENTS if path.parts[0] not in NOT_SENT_TO_A_TARGET]


def statement(path: Path) -> str:
    """The text without the comments in front of it."""
    text = (SQL / path).read_text(encoding="utf-8")
    return re.sub(r"\A(?:\s|--[^\n]*\n|/\*.*?\*/)*", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", SENT, ids=str)
def test_a_statement_is_marked_where_pg_stat_statements_keeps_the_mark(path: Path) -> None:
    assert TAG in statement(path).partition("\n")[0]


@pytest.mark.parametrize("path", SENT, ids=str)
def test_a_statement_can_be_sent_to_a_database_of_any_encoding(path: Path) -> None:
    assert (SQL / path).read_bytes().isascii()


def test_every_statement_is_listed_and_nothing_else() -> None:
    readme = (SQL / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([\w/]+)` \|", readme, re.MULTILINE))
    kept = {str(path.with_suffix("")) for path in STATEMENTS if len(path.parts) == 2}
    assert listed == kept
