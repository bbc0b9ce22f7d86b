"""JSONL and CSV, row by row: a row that cannot be read does not end the reading."""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TextIO, TypeAlias

from agentdb.documents.document import LARGEST_BYTES, strings
from agentdb.documents.text import NOT_UTF8, NUL, TOO_LARGE, check_regular, encoding_of
from agentdb.errors import BadText

Row: TypeAlias = Mapping[str, object]

TEXT_FIELDS = ("text", "content", "body", "page_content", "markdown", "message", "description")
"""Where the text of a row is looked for, whatever the case, if nobody says where."""

_DELIMITERS = ",;\t|"
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, or a byte that is not UTF-8


def text_field(names: Iterable[str], wanted: str | None) -> str:
    """Return the field that holds the text; raises BadText, which says what there is."""
    given = list(names)
    if wanted is not None and wanted in given:
        return wanted
    by_name = {name.casefold(): name for name in reversed(given)}
    for name in TEXT_FIELDS if wanted is None else ():
        if name in by_name:
            return by_name[name]
    looked_for = f"field {wanted!r}" if wanted is not None else f"field {', '.join(TEXT_FIELDS)}"
    there = ", ".join(name[:40] for name in given[:10])
    raise BadText(f"no {looked_for}: say which field holds the text (there are: {there})")


def json_rows(path: Path) -> Iterator[tuple[int, Row | BadText]]:
    """Yield each line's number, from 1, and its object; empty lines are left out."""
    with _opened(path) as file:
        for number, line in enumerate(_lines(file), 1):
            if line.strip():
                yield number, _json_row(line)


def csv_rows(path: Path, wanted: str | None = None) -> Iterator[tuple[int, Row | BadText]]:
    """Yield each row's number (the header has 1) and its fields; empty rows are left out.

    The delimiter (comma, semicolon, tab, bar) is the one the header has most of. Raises BadText
    if the header cannot be read, or does not name a field for the text.
    """
    with _opened(path) as file:
        records = enumerate(_csv_records(_Lines(_lines(file))), 1)
        header = next((record for _, record in records if record), [])
        if isinstance(header, BadText):
            raise header
        if not header:
            return
        text_field(_kept(header), wanted)
        for number, record in records:
            if record:
                yield number, _csv_row(header, record)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Open a file so that bytes that are no characters spoil their own row only."""
    check_regular(path)
    with path.open("rb") as file:
        encoding = encoding_of(file.read(4))
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as text:
        try:
            yield text
        except UnicodeDecodeError as error:  # UTF-16 with half a character
            raise BadText(NOT_UTF8) from error


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines with their ends; of one that is too large, just enough to tell that."""
    while line := file.readline(LARGEST_BYTES + 1):
        yield line
        while len(line) > LARGEST_BYTES and not line.endswith(("\n", "\r")):
            line = file.readline(LARGEST_BYTES + 1)


def _json_row(line: str) -> Row | BadText:
    if len(line) > LARGEST_BYTES:
        return BadText(TOO_LARGE)
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return BadText(f"not JSON: {error}")
    if not isinstance(row, dict):
        return BadText('not a JSON object: write {"text": …}')
    return _sound(row)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _sound(row: Row) -> Row | BadText:
    """Return a row that Postgres can keep, or why it cannot."""
    try:
        _kept(strings(row))
    except BadText as error:
        return error
    return row


def _kept(texts: Iterable[str]) -> list[str]:
    """Return the texts; raises BadText if one holds what Postgres cannot keep."""
    kept = list(texts)
    for text in kept:
        if "\0" in text:
            raise BadText(NUL)
        if _SURROGATE.search(text):
            raise BadText(NOT_UTF8)
    return kept


@dataclass(slots=True)
class _Lines:
    """Lines that can be given once more."""

    new: Iterator[str]
    again: deque[str] = field(default_factory=deque)
    taken: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self.new)
        self.taken.append(line)
        return line

    def skip_first(self) -> None:
        """Give what was taken once more, all but the first line."""
        self.again.extendleft(reversed(self.taken[1:]))


def _csv_records(lines: _Lines) -> Iterator[list[str] | BadText]:
    """Yield the records; a broken one (a stray quote, say) costs the line it begins on, no more."""
    # csv knows one limit for the whole process: raise it, for nobody else lower it
    csv.field_size_limit(max(csv.field_size_limit(), LARGEST_BYTES))
    reader = csv.reader(lines, delimiter=_delimiter(lines), strict=True)
    while True:
        lines.taken.clear()
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.skip_first()  # else a quote that nobody closes swallows the rest of the file
            yield BadText(f"not CSV: {error}")


def _delimiter(lines: _Lines) -> str:
    header = next(lines, "")
    lines.again.appendleft(header)
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=outside_quotes.count)


def _csv_row(header: Sequence[str], record: Sequence[str] | BadText) -> Row | BadText:
    if isinstance(record, BadText):
        return record
    if len(record) > len(header):
        return BadText(f"{len(record)} fields, but the header has {len(header)}")
    return _sound(dict(zip(header, record, strict=False)))
