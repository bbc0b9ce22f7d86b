"""Which of the values that occur suits a theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from agentdb.target.catalog import Column, Histogram
from agentdb.target.parameters.fitting import fits
from agentdb.target.parameters.needs import Need
from agentdb.target.parameters.themes import Theme

_ENOUGH = 100


def preferred(need: Need, theme: Theme) -> Sequence[str]:
    """Return values that occur, the one that suits the theme best first."""
    found = need.row if theme.choice == "row" and need.row.common else need.spread
    if wants_elements(need):
        found = Histogram(found.elements, found.element_frequencies)
    scalar = replace(need.kind, name=need.kind.element or need.kind.name)
    is_item = wants_elements(need) or not is_array(need.column)
    kind = replace(scalar, category="") if is_item and need.kind.category == "A" else need.kind
    fitting = (text for text in by_choice(found, theme) if fits(text, kind))
    return list(islice(fitting, _ENOUGH))


def by_choice(found: Histogram, theme: Theme) -> Sequence[str]:
    """Return all values of a histogram in the order that a theme wants them."""
    common, bounds = found.common, found.bounds
    if theme.choice == "rare":
        return [*_from(bounds, 1 / 4), *reversed(common)]
    if theme.choice == "frequent":
        return [*_from(common, 1 / 2), *_from(bounds, 1 / 2)]
    if theme.choice == "middle":
        return [*_from(bounds, 3 / 4), *_from(common, 1 / 2)]
    return [*common[theme.rank :], *_from(bounds, 1 / 2), *common[: theme.rank]]


def _from(texts: Sequence[str], place: float) -> Sequence[str]:
    start = int(len(texts) * place)
    return [*texts[start:], *texts[:start]]


def is_array(column: Column | None) -> bool:
    """Return whether a column holds arrays."""
    return column is not None and column.category == "A"


def wants_elements(need: Need) -> bool:
    """Return whether elements are asked for, not whole arrays: `$1 = ANY (tags)`, `tags @> $1`."""
    plain = need.role.source is not None and need.role.source.is_plain
    is_whole = need.kind.category == "A" and need.role.kind != "contain"
    return plain and is_array(need.column) and not is_whole
