"""SQL for the audited database lives in `sql/`, where a DBA can read it without Python.

Names can't be parameters, so a short statement that is put together from names may stand in
Python. One that needs nothing put in is a file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentdb.target.syntax import Unparsable, parse_one

PACKAGE = Path(__file__).parents[2] / "agentdb"
# Our own tables are the other door: their statements are SQLAlchemy's.
ROOMS = ("architect", "cli", "delivery", "scheduler.py", "target", "wiring")
MOST_WORDS_AROUND_NAMES = 12


def offences(source: str) -> list[str]:
    """Every string of a module that ought to be a file in `sql/`, with its line."""
    tree = ast.parse(source)
    elsewhere = {id(part) for node in ast.walk(tree) for part in _docstring_or_pieces(node)}
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        and id(node) not in elsewhere
        and _ought_to_be_a_file(_text(node))
    ]


def _docstring_or_pieces(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Expr):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (part for value in node.values for part in ast.walk(value))


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    """What the string says, with `{}` for whatever is put in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(_text(v) if isinstance(v, ast.Constant) else "{}" for v in node.values)


def _ought_to_be_a_file(text: str) -> bool:
    filled, holes = re.subn(r"\{\w*\}|%s|%\(\w+\)s", "hole", text)
    words = len(filled.split())
    return words > (MOST_WORDS_AROUND_NAMES if holes else 1) and _is_a_statement(filled)


def _is_a_statement(text: str) -> bool:
    try:
        parse_one(text)
    except Unparsable:
        return False
    return True


def modules() -> list[Path]:
    places = [PACKAGE / room for room in ROOMS]
    return [path for place in places for path in (place, *place.rglob("*.py")) if path.is_file()]


def test_statements_for_the_target_are_files() -> None:
    found = {str(path.relative_to(PACKAGE)): offences(path.read_text()) for path in modules()}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "code",
    [
        'execute("SELECT pg_is_in_recovery()")',
        'execute("/* agentdb */ SHOW lock_timeout")',
        'execute("SET TRANSACTION READ ONLY")',
        'execute("SELECT 1 " "FROM pg_class")',
        'x = f"SELECT a, b, c FROM {t} WHERE d = 1 AND e = 2 AND f = 3"',
        'SQL("SELECT a, b, c FROM {} WHERE d = {x} AND e = %s AND f = %(f)s")',
    ],
)
def test_a_statement_in_python_is_found(code: str) -> None:
    assert len(offences(code)) == 1


@pytest.mark.parametrize(
    "code",
    [
        'raise TargetLost("the server went away: run the audit again")',
        '"""SELECT 1 is what this module is about."""',
        'columns = ["id", "name"]',
        'f"CREATE INDEX {name} ON {table} ({columns})"',
        'SQL("SET LOCAL search_path TO {}")',
        'print(f"tried {count} of {total}")',
    ],
)
def test_other_text_is_left_alone(code: str) -> None:
    assert offences(code) == []
