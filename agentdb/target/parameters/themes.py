"""Ways to call a statement: with common values, with rare ones, with those of a real row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

Wildcard = Literal["prefix", "infix", "suffix"]


@dataclass(frozen=True, slots=True)
class Theme:
    """One way to choose all the values of a statement, so that they fit together.

    `choice` says which value `=` gets, `share` how much of the table a range spans (`recent`: at
    its upper end), `wildcard` where the `%` of a pattern stand, `several` how long lists are.
    """

    label: str
    choice: Literal["row", "common", "rare", "middle", "frequent"]
    share: float
    wildcard: Wildcard
    several: int
    limit: int
    offset: int
    days: int
    recent: bool = True
    rank: int = 0  # how many more common values are passed over
    letters: int = 6  # at most, of a part of a text
    together: int = 1  # elements that an array has to contain
    stands_for: int = 1  # values that are asked for alike


ROW = Theme("from a row", "row", 0.05, "prefix", 5, limit=20, offset=0, days=7)
COMMON = Theme("common", "common", 0.1, "infix", 5, limit=10, offset=0, days=30)
RARE = Theme("rare", "rare", 0.01, "prefix", 2, limit=20, offset=20, days=1)
MIDDLE = Theme("middle", "middle", 0.05, "suffix", 20, 100, offset=1000, days=90, recent=False)

USUAL = (ROW, COMMON, RARE, MIDDLE)
# A search for a whole word finds little where a search for a syllable finds much.
WHOLE_WORD = replace(ROW, label="a whole word", wildcard="infix", letters=20)
# The most common of many values may be far ahead of the next: one from among these.
FREQUENT = replace(COMMON, label="frequent", choice="frequent")
# Two common elements are rare together, which the planner does not know.
TWO_ELEMENTS = replace(ROW, label="two elements of a row", together=2)
# More to choose from when it is known how many rows a call returns.
_FEWEST = 0.5  # rows a call; below it most calls find nothing, which tells nothing
_LONGEST = 100
MORE = tuple(
    replace(COMMON, label=f"common, number {rank + 1}", rank=rank, share=share)
    for rank, share in ((1, 0.5), (2, 0.25), (4, 0.02), (8, 0.001))
)
MOST_VALUES = 12  # of a column, that are each tried
_FILLED = 0.98  # of its LIMIT: more than that is returned only when nearly every call fills it
_ROOM = 1.5  # times the rows that a call returns
_LIMITS = (1, 5, 10, 20, 25, 30, 50, 100, 200, 500, 1000)


def every_value(count: int) -> tuple[Theme, ...]:
    """Return a theme for each value of a column that has only a few: one of them may be the worst.

    An index can serve one state and make another a hundred times slower. The rarer the value,
    the wider a range that goes with it: so both ways to find a few rows occur.
    """
    if not 1 < count <= MOST_VALUES:
        return ()
    return tuple(
        replace(COMMON, label=f"value {n + 1} of {count}", rank=n, share=min(0.05 * 2**n, 0.9))
        for n in range(count)
    )


def limited(theme: Theme, rows_per_call: float) -> Theme:
    """Return a theme whose LIMIT is the usual one that suits so many rows a call.

    Where they are just about a usual one, calls fill it; else some calls do not, and it is the
    next one of which they fill two thirds at most.
    """
    if rows_per_call < _FEWEST:
        return theme
    filled = (limit for limit in _LIMITS if _FILLED * limit <= rows_per_call <= limit)
    roomy = (limit for limit in _LIMITS if limit >= _ROOM * rows_per_call)
    return replace(theme, limit=next(chain(filled, roomy), round(rows_per_call)))


def listing(theme: Theme, rows_per_call: float) -> Theme:
    """Return a theme whose lists are as long as the result."""
    if rows_per_call < _FEWEST:
        return theme
    return replace(theme, several=min(round(rows_per_call + 0.5), _LONGEST))
