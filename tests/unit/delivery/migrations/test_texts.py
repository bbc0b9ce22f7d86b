"""Statements as text of SQL and of Python."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentdb.delivery.migrations.steps import Step
from agentdb.delivery.migrations.texts import (
    python_docstring,
    python_string,
    python_strings,
    sql_script,
)

ANY_TEXT = st.text(st.sampled_from("ab \n\r\t\"'\\é%:{}\u202e\0$;"), max_size=12) | st.text()


@given(ANY_TEXT)
@example('x\'""""')
@example('"\n\\')
def test_a_string_means_the_text(text: str) -> None:
    assert ast.literal_eval(python_string(text)) == text


@given(ANY_TEXT)
def test_a_string_hides_nothing_in_the_file(text: str) -> None:
    assert not set(python_string(text)) & set("\0\r\t\u202e")


@given(st.lists(ANY_TEXT.map(lambda text: " ".join(text.split())), min_size=1))
def test_a_docstring_is_all_there_is(lines: list[str]) -> None:
    (statement,) = ast.parse(python_docstring(lines)).body
    assert isinstance(statement, ast.Expr)
    assert ast.literal_eval(statement.value) == "\n".join(lines) + "\n"


def test_a_script_is_a_comment_and_statements() -> None:
    script = sql_script(["What.", "", "Why."], [Step("SELECT 1"), Step("SELECT ';'")])
    assert script == "-- What.\n--\n-- Why.\n\nSELECT 1;\nSELECT ';';\n"


@pytest.mark.parametrize(
    "text", ["SELECT 1", 'DROP INDEX "a b"', "SELECT \"a\", 'b'", "DO\n'x \"y\"'", "E'\\n'"]
)
def test_a_formatter_leaves_it_as_it_is(text: str) -> None:
    source = f"UP = (\n{python_strings([Step(text), Step('SELECT 2')], 4)})\n"
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "-"],
        input=source,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert formatted.stdout == source
