"""Which key lists a B-tree for one use of a table could have; shared by the proposers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from agentdb.target.index import Key
from agentdb.target.usage import Expression, Filter, Order, TableUse

WIDEST = 4
_MOST_EQUALITIES = 3


@dataclass(frozen=True, slots=True)
class KeyList:
    """Keys in order, the conditions they serve, and the words for it."""

    keys: tuple[Key, ...]
    serves: tuple[Filter, ...]
    because: str


def key_lists(use: TableUse, without: Sequence[Filter] = ()) -> tuple[KeyList, ...]:
    """Return the key lists worth trying for one use of a table, without doubles.

    Equality columns come first (the most selective first), then one range or the order the
    rows are wanted in; then, once more, with the other ranges behind: they narrow no scan, but
    what they rule out is left out in the index, its row unread. `without` are conditions that
    something else takes care of, as the predicate of a partial index does.
    """
    filters = [found for found in use.filters if found not in without]
    found: dict[tuple[Key, ...], KeyList] = {}
    for conjunction in (tuple(filters), *use.alternatives):
        for keys in _lists(use, conjunction):
            if 0 < len(keys.keys) <= WIDEST:
                found.setdefault(keys.keys, keys)
    return tuple(found.values())


def _lists(use: TableUse, filters: Sequence[Filter]) -> Iterator[KeyList]:
    equal = _by_selectivity(use, [f for f in filters if f.kind in ("equal", "among", "null")])
    joins = [f for f in filters if f.kind == "join"]
    ranges = [f for f in filters if f.kind == "range"]
    for first in _leading(equal, joins):
        yield from _followed(use, first, ranges)


def _leading(equal: Sequence[Filter], joins: Sequence[Filter]) -> Iterator[tuple[Filter, ...]]:
    """Return the equality prefixes: none, each alone, all together, each with every join."""
    most = tuple(equal[:_MOST_EQUALITIES])
    yield ()
    for single in (*equal, *joins):
        yield (single,)
    if len(most) > 1:
        yield from permutations(most) if len(most) == 2 else [most]  # noqa: PLR2004
    for join in joins:
        if most:
            yield (join, *most)
            yield (*most, join)


def _followed(
    use: TableUse, first: tuple[Filter, ...], ranges: Sequence[Filter]
) -> Iterator[KeyList]:
    keys = _unique(Key(found.key.sql) for found in first)
    words = " and ".join(found.key.sql for found in first)
    looked_up = f"looked up by {words}" if words else ""
    if first:
        yield KeyList(keys, first, looked_up)
    for found in ranges:
        because = f"{looked_up or 'read'}, within a range of {found.key.sql}"
        ranged = KeyList(_unique((*keys, Key(found.key.sql))), (*first, found), because)
        yield from _narrowed(ranged, ranges)
    for orders, verb in ((use.order, "ordered"), (use.grouping, "grouped")):
        if suffix := _suffix(orders, keys):
            because = f"{looked_up or 'read'}, {verb} by {', '.join(k.sql for k in suffix)}"
            yield from _narrowed(KeyList((*keys, *suffix), first, because), ranges)


def _narrowed(found: KeyList, ranges: Sequence[Filter]) -> Iterator[KeyList]:
    """A key list as it is, then with the ranges of other keys behind."""
    yield found
    held = {key.sql for key in found.keys}
    if others := [one for one in ranges if one.key.sql not in held]:
        more = _unique(Key(one.key.sql) for one in others)
        because = f"{found.because}, {' and '.join(key.sql for key in more)} checked in the index"
        yield KeyList((*found.keys, *more), (*found.serves, *others), because)


def _suffix(orders: Iterable[Order], keys: Sequence[Key]) -> tuple[Key, ...]:
    """The sort keys that equality does not fix already, in the direction they are wanted."""
    fixed = {key.sql for key in keys}
    wanted = [order for order in orders if order.key.sql not in fixed]
    return tuple(Key(o.key.sql, o.descending, o.nulls_first) for o in wanted)


def _unique(keys: Iterable[Key]) -> tuple[Key, ...]:
    return tuple({key.sql: key for key in keys}.values())


def _by_selectivity(use: TableUse, filters: Sequence[Filter]) -> list[Filter]:
    once = {found.key.sql: found for found in filters}
    return sorted(once.values(), key=lambda f: (-distinct(use, f.key), f.key.sql))


def distinct(use: TableUse, key: Expression) -> float:
    """Return about how many values a key has; an expression has as many as its columns."""
    counts = [column.distinct for column in key.columns]
    return max(counts, default=0.0) or use.table.rows
