"""How the values of an expression are spread: from the statistics, or from rows looked at."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from agentdb.target.catalog import Column, Histogram
from agentdb.target.parameters.sources import Step, StepKind

Texts = Sequence[str | None]

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},"]+)', re.DOTALL)
_LEXEME = re.compile(r"'((?:[^']|'')+)'")
_MAPPED: dict[StepKind, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "day": lambda text: text[:10],
    "year": lambda text: text[:4],
}


def spread_of(column: Column, steps: Iterable[Step], texts: Texts) -> Histogram:
    """Return how the values of a column, after some steps, are spread; empty when unknown."""
    found = column.histogram if _says_something(column.histogram) else counted(column, texts)
    for step in steps:
        found = _stepped(found, step.kind)
    return found


def counted(column: Column, texts: Texts) -> Histogram:
    """Return the histogram that some values would have."""
    kept = [text for text in texts if text is not None]
    elements = [element for text in kept for element in _elements(column, text)]
    common, frequencies = _ranked(kept, len(kept))
    tops, shares = _ranked(elements, len(kept), at_least=1)
    rest = sorted(set(kept) - set(common), key=order_key(column))
    return Histogram(common, frequencies, tuple(rest), tops, shares)


def from_rows(column: Column, steps: Iterable[Step], texts: Texts) -> Histogram:
    """Return the values of some rows as they come: the first row's own is the most common."""
    kept = [text for text in texts if text is not None]
    if not kept or texts[0] is None:
        return Histogram()
    found = Histogram(tuple(dict.fromkeys(kept)), elements=tuple(_elements(column, kept[0])))
    for step in steps:
        found = _stepped(found, step.kind)
    return found


def order_key(column: Column) -> Callable[[str], tuple[float, str]]:
    """Return a sort key close to the server's order of a type: numbers by value, else by text."""
    is_number = column.category == "N"
    return lambda text: (_number(text), text) if is_number else (0.0, text)


def _number(text: str) -> float:
    try:
        return float(re.sub(r"[^0-9.eE+-]", "", text))
    except ValueError:
        return 0.0


def array_elements(text: str) -> tuple[str, ...]:
    """Return the elements of an array as Postgres prints it, NULLs left out."""
    found = _ELEMENT.finditer(text)
    texts = (re.sub(r"\\(.)", r"\1", m[1]) if m[1] is not None else m[2] for m in found)
    return tuple(text for text in texts if text != "NULL")


def array_text(texts: Iterable[str | None]) -> str:
    """Return an array as Postgres reads it."""
    return "{" + ",".join(_quoted(text) for text in texts) + "}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _says_something(histogram: Histogram) -> bool:
    return bool(histogram.common or histogram.bounds or histogram.elements)


def _elements(column: Column, text: str) -> Iterator[str]:
    if column.category == "A":
        yield from dict.fromkeys(array_elements(text))
    elif column.type_name == "tsvector":
        yield from (found[1].replace("''", "'") for found in _LEXEME.finditer(text))


def _ranked(
    texts: Sequence[str], rows: int, at_least: int = 2
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    counts = Counter(texts)
    kept = sorted((-count, text) for text, count in counts.items() if count >= at_least)
    return tuple(text for _, text in kept), tuple(-count / rows for count, _ in kept)


def _stepped(found: Histogram, kind: StepKind) -> Histogram:
    if kind == "element":
        return Histogram(found.elements, found.element_frequencies)
    change = _MAPPED.get(kind)
    if change is None:
        return found
    shares: dict[str, float] = {}
    frequencies = found.frequencies or (0.0,) * len(found.common)
    for text, share in zip(found.common, frequencies, strict=False):
        shares[change(text)] = shares.get(change(text), 0.0) + share
    bounds = dict.fromkeys(change(text) for text in found.bounds)
    return Histogram(tuple(shares), tuple(shares.values()), tuple(bounds), found.elements)
