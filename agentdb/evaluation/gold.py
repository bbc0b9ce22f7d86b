"""The questions a search is judged by: a gold set of the user's own, from a file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from types import MappingProxyType

from agentdb.errors import BadData
from agentdb.evaluation.files import narrowed, parse_json, read_text

_FORM = '{"question": "…", "expected": ["id"]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldQuestion:
    """A question and the ids that a good search returns for it.

    Questions of one `group` hang together (they are about one conversation, customer, …):
    intervals are over groups. A question without a group stands for itself. `unresolved` are
    those of `expected` that nothing in the data has; they count as not found.
    """

    question: str
    expected: tuple[str, ...]
    category: str | None = None
    group: str | None = None
    unresolved: tuple[str, ...] = ()


def read_gold(path: Path) -> tuple[GoldQuestion, ...]:
    """Return the questions of a gold set, in the order of the file.

    `.jsonl` has one `{"question": "…", "expected": ["id", …]}` a line, `.json` a list of them,
    `.csv` a column of each name, its ids separated by `;`. `category` and `group` may be given;
    other fields are ignored. A question may expect nothing: it is left out of the figures.
    Raises BadData with the line of the first fault.
    """
    rows = _READERS.get(path.suffix.lower())
    if rows is None:
        raise BadData(f"{path}: a gold set is a .jsonl, .json or .csv file.")
    questions = tuple(_question(row, place) for place, row in rows(path))
    if not questions:
        raise BadData(f"{path} holds no question. Write one a line: {_FORM}.")
    return questions


def resolve(question: GoldQuestion, known: Container[str]) -> GoldQuestion:
    """Return the question with the expected ids that are not known marked as unresolved."""
    return replace(question, unresolved=tuple(id_ for id_ in question.expected if id_ not in known))


def _lines(path: Path) -> Iterator[tuple[str, object]]:
    # Not splitlines(): a JSON text may hold U+2028 and its like as they are.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield f"{path}, line {number}", parse_json(line, path, number)


def _items(path: Path) -> Iterator[tuple[str, object]]:
    items = narrowed(parse_json(read_text(path), path), list, str(path))
    for number, item in enumerate(items, start=1):
        yield f"{path}, question {number}", item


def _rows(path: Path) -> Iterator[tuple[str, object]]:
    table = csv.DictReader(StringIO(read_text(path), newline=""), strict=True)
    lines = table.reader  # counts the empty lines and the bad one, too
    try:
        for row in table:
            place = f"{path}, line {lines.line_num}"
            yield place, _cells(row, place)
    except csv.Error as error:
        raise BadData(f"{path}, line {lines.line_num}: not CSV: {error}.") from error


def _cells(row: Mapping[str | None, str | list[str] | None], place: str) -> Mapping[str, object]:
    """Turn a row into what a line of JSON would say; a row of another length is a fault."""
    if None in row or None in row.values():
        raise BadData(f"{place}: not as many cells as the first line has.")
    cells = {name: cell for name, cell in row.items() if name and isinstance(cell, str)}
    fields: dict[str, object] = {name: cell.strip() or None for name, cell in cells.items()}
    if "expected" in cells:
        fields["expected"] = [id_.strip() for id_ in cells["expected"].split(";") if id_.strip()]
    return fields


_READERS: Mapping[str, Callable[[Path], Iterator[tuple[str, object]]]] = MappingProxyType(
    {".jsonl": _lines, ".ndjson": _lines, ".json": _items, ".csv": _rows}
)


def _question(row: object, place: str) -> GoldQuestion:
    fields = narrowed(row, dict, place)
    if missing := [name for name in ("question", "expected") if fields.get(name) is None]:
        raise BadData(f"{place}: `{missing[0]}` is missing. Write {_FORM}.")
    question = narrowed(fields["question"], str, f"{place}: `question`")
    if not question.strip():
        raise BadData(f"{place}: `question` is empty.")
    ids = narrowed(fields["expected"], list, f"{place}: `expected`")
    return GoldQuestion(
        question=question,
        expected=tuple(dict.fromkeys(_name(id_, f"{place}: `expected`") for id_ in ids)),
        category=_optional_name(fields.get("category"), f"{place}: `category`"),
        group=_optional_name(fields.get("group"), f"{place}: `group`"),
    )


def _name(value: object, place: str) -> str:
    """Return an id or a name as text; numbers may stand without quotes."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if number or (isinstance(value, str) and value.strip()):
        return str(value)
    raise BadData(f"{place}: {value!r} is neither a text nor a whole number.")


def _optional_name(value: object, place: str) -> str | None:
    return None if value is None else _name(value, place)
