"""What the command line prints: the only file that does.

Results go to stdout, as a table or as JSON; messages, progress and failures go to stderr. So a
script can read stdout without looking for where the result begins.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text


class Format(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print what was found.")]
"""The `--format` of every command that prints data."""

type_of_step = Callable[[str, int, int], None]

# Terminal escapes, and the marks that make text read backwards: both may stand in foreign SQL.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SECRET = re.compile(r"(?<=://)([^\s/@:]*):[^\s/]*@|\b(password\s*=\s*)(?:'[^']*'|\S+)", re.IGNORECASE)
