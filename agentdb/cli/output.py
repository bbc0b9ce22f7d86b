"""What the command line prints: the only file that does.

Results go to stdout, as a table or as JSON; messages, progress and failures go to stderr, so that
a script can read stdout as it is.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Format(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print what was found.")]
"""The `--format` of every command that prints data."""


class Tell(Protocol):
    """What a long command calls now and then."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` parts of a stage are done; total 0: cannot be told."""
        ...


# Terminal escapes, and the marks that make text read backwards: foreign SQL may hold both.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^\s:@/]*):(?!PASSWORD@)\S*@")
_PASSWORD_IN_PAIRS = re.compile(r"(\bpassword\s*=\s*)('[^']*'|\S+)", re.IGNORECASE)

# Where nothing says how wide a line may be.
_FILE_WIDTH = 120


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None
) -> None:
    """Print rows to stdout under their column names; numbers stand at the right."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*map(_cell, row))
    _stdout().print(table)


def print_json(value: object) -> None:
    """Print `value` to stdout as JSON: dataclasses by their fields, times as ISO 8601."""
    print_text(json.dumps(value, indent=2, allow_nan=False, default=_jsonable))


def as_fields(value: DataclassInstance) -> dict[str, object]:
    """Return a dataclass by its fields, for JSON with something more beside them."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def print_text(text: str) -> None:
    """Print `text` to stdout: to the letter into a file or a pipe, harmless on a terminal."""
    sys.stdout.write((plain(text) if sys.stdout.isatty() else text) + "\n")


def say(text: str) -> None:
    """Print a message to stderr."""
    sys.stderr.write(plain(text) + "\n")


def complain(text: str) -> None:
    """Print what went wrong to stderr, on one line, without passwords."""
    say(f"agentdb: {without_passwords(' '.join(text.split()))}")


def print_traceback(error: BaseException) -> None:
    """Print where `error` came from to stderr, without passwords."""
    say(without_passwords("".join(traceback.format_exception(error))))


@contextmanager
def progress() -> Iterator[Tell]:
    """Give a function that shows on stderr how far the command is; silent where no one watches."""
    step = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), step, BarColumn(), MofNCompleteColumn())
    watched = sys.stderr.isatty()
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not watched
    ) as bar:
        task = bar.add_task("")

        def tell(stage: str, done: int, total: int) -> None:
            bar.update(task, description=plain(stage), completed=done, total=total or None)

        yield tell


def plain(text: str) -> str:
    r"""Return `text` with every character that could steer a terminal written out.

    >>> print(plain("SELECT '\x1b[2J'"))
    SELECT '\x1b[2J'
    """
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def without_passwords(text: str) -> str:
    """Return `text` with the passwords of connection strings hidden.

    >>> without_passwords("no answer from postgresql://app:secret@db.example/shop")
    'no answer from postgresql://app:***@db.example/shop'
    """
    return _PASSWORD_IN_PAIRS.sub(r"\1***", _PASSWORD_IN_URL.sub(r"\1:***@", text))


def _stdout() -> Console:
    unknown_width = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, width=_FILE_WIDTH if unknown_width else None)


def _cell(value: object) -> Text:
    number = isinstance(value, int | float | Decimal)
    text = "" if value is None else plain(str(value))
    return Text(text, justify="right" if number else "default")


def _jsonable(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return as_fields(value)
    match value:
        case date():
            return value.isoformat()
        case UUID() | Path():
            return str(value)
        case Decimal():
            return float(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
