"""The words for what a parameter is there for, and which operator or function means which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentdb.target.parameters.sources import Source

RoleKind = Literal[
    "other", "operand", "argument", "ago", "unit", "series", "percent", "limit", "offset",
    "equal", "differ", "above", "below", "network", "contain", "has key", "json filter",
    "json predicate", "json list", "key", "path", "like", "unlike", "similar", "regex",
    "beginning", "fragment", "wildcard", "escape", "words", "length", "field", "precision",
    "format", "zone", "language",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Role:
    """One use of a parameter. `place` counts the items of a list, the levels of a path."""

    kind: RoleKind
    source: Source | None = None
    place: int = 0
    guess: str | None = None  # the type to try when the server cannot tell


OPERATORS: dict[str, RoleKind] = {
    "=": "equal", "<>": "differ", "<->": "argument", "<=>": "argument", "<#>": "argument",
    "~~": "like", "!~~": "unlike", "~~*": "like", "!~~*": "unlike",
    "~": "regex", "!~": "regex", "~*": "regex", "!~*": "regex", "^@": "beginning",
    "@>": "contain", "<@": "contain", "&&": "contain", "<<": "network", "<<=": "network",
    "?": "has key", "?|": "has key", "?&": "has key", "@?": "json filter", "@@": "words",
    "->": "key", "->>": "key", "#>": "path", "#>>": "path",
}  # fmt: skip
RANGE: dict[str, tuple[RoleKind, RoleKind]] = {  # what $1 is in `x < $1`, and in `$1 < x`
    "<": ("below", "above"),
    "<=": ("below", "above"),
    ">": ("above", "below"),
    ">=": ("above", "below"),
}
_ARGUMENTS: dict[tuple[str, int], RoleKind] = {
    ("date_trunc", 0): "precision", ("date_part", 0): "field", ("extract", 0): "field",
    ("timezone", 0): "zone", ("to_char", 1): "format", ("to_date", 1): "format",
    ("to_timestamp", 1): "format", ("similarity", 1): "equal", ("word_similarity", 0): "equal",
    ("starts_with", 1): "beginning", ("position", 1): "fragment", ("strpos", 1): "fragment",
    ("substring", 1): "length", ("substring", 2): "length", ("generate_series", 0): "series",
    ("generate_series", 1): "series",
}  # fmt: skip


def argument_kind(name: str, place: int, count: int) -> RoleKind:
    """Return what the argument at `place` of `count` is to a function."""
    if name.endswith("tsquery") or name == "to_tsvector":
        return "language" if place == 0 and count > 1 else "words"
    if "_extract_path" in name:
        return "key"
    if name.startswith("jsonb_path_") and place == 1:
        return "json predicate" if "match" in name else "json filter"
    if name.endswith(("recordset", "array_elements", "array_elements_text")):
        return "json list"
    if name.startswith("regexp_"):
        return "fragment" if place == 1 else "other"
    return _ARGUMENTS.get((name, place), "argument")
