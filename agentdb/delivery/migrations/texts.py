"""Statements as the text of a SQL file, or of a Python file that `ruff format` leaves as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agentdb.delivery.migrations.steps import Step

# What a Python file must not hold as it is: it would be read as something else, or hide something.
_ESCAPED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def sql_comment(lines: Iterable[str]) -> str:
    """Return lines as comments of SQL."""
    return "\n".join(f"-- {line}".rstrip() for line in lines)


def sql_script(about: Iterable[str], steps: Sequence[Step]) -> str:
    """Return a script: what it is about, and each statement with its semicolon."""
    statements = "\n".join(f"{step.sql};" for step in steps)
    return f"{sql_comment(about)}\n\n{statements}\n"


def python_docstring(lines: Sequence[str]) -> str:
    """Return lines as the docstring of a module."""
    body = "\n".join(map(_escaped, lines))
    return f'"""{body}\n"""'


def python_strings(steps: Sequence[Step], indent: int) -> str:
    """Return the statements as items of a list, each on lines of its own."""
    margin = " " * indent
    return "".join(f"{margin}{python_string(step.sql)},\n" for step in steps)


def python_string(text: str) -> str:
    """Return a literal of Python, in the quotes that formatters would choose."""
    if "\n" in text or ('"' in text and "'" in text):
        return f'"""{_escaped(text)}"""'
    quote = "'" if '"' in text else '"'
    return f"{quote}{_without_backslashes(text)}{quote}"


def _escaped(text: str) -> str:
    """Return text for the inside of triple quotes: no three quotes in it, none at its end."""
    return re.sub(r'"(?=""|\Z)', r"\"", _without_backslashes(text))


def _without_backslashes(text: str) -> str:
    return _ESCAPED.sub(_escape, text.replace("\\", r"\\"))


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte
