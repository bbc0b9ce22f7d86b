"""A value for one parameter, believable where it stands, and the same each time."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice

from agentdb.target.catalog import Histogram
from agentdb.target.parameters import patterns, ranges
from agentdb.target.parameters.alignment import Value
from agentdb.target.parameters.choosing import by_choice, is_array, preferred, wants_elements
from agentdb.target.parameters.document_values import contained_document, has_key, json_path, key
from agentdb.target.parameters.fitting import any_value, fits
from agentdb.target.parameters.needs import Need
from agentdb.target.parameters.spreads import array_text
from agentdb.target.parameters.themes import Theme
from agentdb.target.parameters.vocabulary import RoleKind


def draw(need: Need, theme: Theme) -> Value:
    """Return the value that a parameter gets in one way to call the statement."""
    drawn = _DRAWERS.get(need.role.kind, _anything)(need, theme)
    is_list = need.list_length is not None
    return (drawn,) if is_list and not isinstance(drawn, tuple) else drawn


def _anything(need: Need, _: Theme) -> Value:
    return any_value(need.kind)


def _equal(need: Need, theme: Theme) -> Value:
    texts = preferred(need, theme)
    if not texts or _is_arithmetic(need):
        return any_value(need.kind)
    if need.list_length is not None:
        several = min(theme.several, len(texts))
        return tuple(islice(cycle(texts), need.list_length or several))
    if need.kind.category == "A" and (wants_elements(need) or not is_array(need.column)):
        return array_text(texts[: theme.together if need.role.kind == "contain" else theme.several])
    return texts[need.role.place % len(texts)]


def _is_arithmetic(need: Need) -> bool:
    """Return whether the values are not the column's: `id % 2`, `length(note)`."""
    steps = need.role.source.steps if need.role.source else ()
    return need.kind.category == "N" and any(step.kind == "other" for step in steps)


def _argument(need: Need, theme: Theme) -> Value:
    is_alike = need.column is not None and need.column.type_name == need.kind.name
    return _equal(need, theme) if is_alike else any_value(need.kind)


def _range(need: Need, theme: Theme) -> Value:
    bounds = [text for text in _bounds(need) if fits(text, need.kind)]
    if not bounds or need.column is None:
        return any_value(need.kind)
    is_upper = need.role.kind == "below"
    if not need.is_paired and is_upper:
        return ranges.upper_alone(bounds, theme)
    if need.is_paired and theme.choice == "row" and need.row.common:
        return ranges.around(need.column, bounds, need.row.common[0])[is_upper]
    return ranges.window(bounds, theme)[is_upper]


def _bounds(need: Need) -> Sequence[str]:
    return ranges.ordered(need.column, need.spread) if need.column else ()


def _ago(need: Need, theme: Theme) -> Value:
    days = ranges.days_back(_bounds(need), theme, need.now)
    if need.kind.category == "N":
        return str(days)
    return f"{days} days" if need.kind.category == "T" else _range(need, theme)


def _text(need: Need, theme: Theme) -> str:
    return next(iter(preferred(need, theme)), "a")


def _like(need: Need, theme: Theme) -> Value:
    wildcard = theme.wildcard
    texts = preferred(need, theme)
    if need.list_length is not None or need.kind.category == "A":
        found = tuple(patterns.like(text, _bounds(need), wildcard) for text in texts[:3])
        return array_text(found) if need.list_length is None else found
    return patterns.like(_text(need, theme), _bounds(need), wildcard, theme.letters)


def _regex(need: Need, theme: Theme) -> Value:
    return patterns.regex(_text(need, theme), _bounds(need), theme.wildcard)


def _fragment(need: Need, theme: Theme) -> Value:
    return patterns.fragment(_text(need, theme), _bounds(need))


def _beginning(need: Need, theme: Theme) -> Value:
    return patterns.beginning(_text(need, theme), _bounds(need))


def _similar(need: Need, theme: Theme) -> Value:
    return patterns.similar(_text(need, theme), _bounds(need))


def _words(need: Need, theme: Theme) -> Value:
    found = need.row if theme.choice == "row" and need.row.common else need.spread
    lexemes = [text for text in found.elements if text.isalnum()]
    if lexemes:
        return by_choice(Histogram(tuple(lexemes)), theme)[0]
    word = patterns.word(_text(need, theme))
    return word if word.isalnum() else "a"


def _contain(need: Need, theme: Theme) -> Value:
    if need.column is None:
        return any_value(need.kind)
    if need.kind.name == "jsonb":
        return contained_document(need, theme)
    texts = preferred(need, theme)
    if need.column.category == "R" and need.kind.category != "R":
        ranges_found = by_choice(need.spread, theme)
        ends = [_end(text, need.role.place) for text in ranges_found]
        texts = [text for text in ends if fits(text, need.kind)]
        return texts[0] if texts else any_value(need.kind)
    return _equal(need, theme)


def _end(text: str, place: int) -> str:
    """Return the lower end of a range, or the upper one."""
    return text[1:-1].split(",")[min(place, 1)].strip('"')


def _network(need: Need, theme: Theme) -> Value:
    texts = preferred(need, theme)
    if not texts or need.kind.category != "I":
        return any_value(need.kind)
    address = ipaddress.ip_interface(texts[0]).ip
    length = 24 if address.version == 4 else 64  # noqa: PLR2004 - a usual network of each version
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def _operand(need: Need, _: Theme) -> Value:
    return "2" if need.kind.category == "N" else any_value(need.kind)


def _series(need: Need, _: Theme) -> Value:
    ends = ("2024-01-01", "2024-01-31") if need.kind.category == "D" else ("1", "100")
    return ends[min(need.role.place, 1)]


def _always(text: str) -> Callable[[Need, Theme], Value]:
    return lambda _need, _theme: text


def _field(need: Need, _: Theme) -> Value:
    is_time = need.column is not None and need.column.type_name.startswith("time ")
    return "hour" if is_time else "year"


_DRAWERS: Mapping[RoleKind, Callable[[Need, Theme], Value]] = {
    "equal": _equal,
    "differ": _equal,
    "argument": _argument,
    "operand": _operand,
    "above": _range,
    "below": _range,
    "ago": _ago,
    "like": _like,
    "unlike": _like,
    "similar": _similar,
    "regex": _regex,
    "beginning": _beginning,
    "fragment": _fragment,
    "words": _words,
    "contain": _contain,
    "has key": has_key,
    "json filter": json_path,
    "json predicate": json_path,
    "key": key,
    "path": key,
    "network": _network,
    "series": _series,
    "field": _field,
    "limit": lambda _, theme: str(theme.limit),
    "offset": lambda _, theme: str(theme.offset),
    "wildcard": _always("%"),
    "escape": _always("\\"),
    "precision": _always("day"),
    "format": _always("YYYY-MM-DD"),
    "zone": _always("UTC"),
    "language": _always("simple"),
    "percent": _always("10"),
    "unit": _always("1 day"),
    "json list": _always("[]"),
    "length": _always("3"),
}
