"""What reading gives: a document, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, TypeAlias

from agentdb.errors import ReaderMissing

Format: TypeAlias = Literal["text", "markdown", "html", "pdf", "jsonl", "csv"]

LARGEST_BYTES = 32 << 20
"""What one document (one row of JSONL or CSV) may have; more is reported, not read."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text with what it is known by.

    `source` stays the same when the file is read again: its path below what was given, for a row
    with its number (`faq.csv#2`: the first row below the header). `text` of HTML is Markdown.
    """

    source: str
    title: str
    text: str
    format: Format
    metadata: Mapping[str, object]  # what JSON can hold


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, a folder or a row that gave no document, and why, in one line."""

    source: str
    reason: str


Read: TypeAlias = Document | Unreadable


def require(module: str, format_name: str) -> None:
    """Raise ReaderMissing unless a module is installed; it is not imported."""
    if find_spec(module) is None:
        raise ReaderMissing(f"{format_name} needs {module}: pip install 'agentdb[documents]'")


def strings(value: object) -> Iterator[str]:
    """Yield every string in something JSON can hold, the keys too."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as members:
                waiting += [*members.keys(), *members.values()]
            case list() as items:
                waiting += items
