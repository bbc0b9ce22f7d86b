"""Which indexes together? A choice for the whole workload from measured costs; pure.

The cost of a call under a set of indexes is the smallest cost measured under any part of
that set (atomic configurations: Finkelstein et al. 1988, also CoPhy's model). A set is
worth the time it saves, less the time its upkeep takes at writes, less a price for its
bytes. Two greedy searches, by benefit per byte and by benefit alone, fail on different
workloads, so the better of the two is kept; then single removals and swaps while they pay.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from math import inf
from operator import or_
from typing import TypeVar

from agentdb.target.index import IndexDefinition

Indexes = frozenset[IndexDefinition]
NOTHING: Indexes = frozenset()


@dataclass(frozen=True, slots=True)
class Option:
    """An index that could be chosen; `upkeep_milliseconds` is what the workload's writes pay."""

    definition: IndexDefinition
    size_bytes: int
    upkeep_milliseconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One call: the time it takes in the workload now, and its cost under sets of indexes.

    Costs are relative to the cost without any new index, so 1.0 is "as before"; `tables`
    are the names of the tables the call reads.
    """

    milliseconds: float
    costs: Mapping[Indexes, float]
    tables: frozenset[str]

    def cost(self, chosen: Indexes) -> float:
        """Return the relative cost under a set: as measured, else of its best measured part.

        A part inside a larger measured part says nothing any more: what two indexes do
        together overrules what one of them does alone.
        """
        held = frozenset(d for d in chosen if d.table in self.tables)
        return self.costs[held] if held in self.costs else _cost(_largest_first(self.costs), held)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a choice is bound to.

    `least_milliseconds` is the time an index has to save to be worth proposing at all, a third
    of it when it takes no more than `tiny_bytes`; `milliseconds_per_byte` is what a byte costs;
    `budget_bytes` bounds the whole set.
    """

    least_milliseconds: float
    milliseconds_per_byte: float
    budget_bytes: int | None = None
    tiny_bytes: int = 0

    def least(self, option: Option) -> float:
        """Return the milliseconds of the workload that an option has to save."""
        is_tiny = option.size_bytes <= self.tiny_bytes
        return self.least_milliseconds / 3 if is_tiny else self.least_milliseconds

    def price(self, option: Option) -> float:
        """Return what an option costs: upkeep and space, in milliseconds of the workload."""
        return option.upkeep_milliseconds + option.size_bytes * self.milliseconds_per_byte


def choose(options: Iterable[Option], calls: Sequence[Measured], terms: Terms) -> Indexes:
    """Return the set worth most; ties go to the smaller, then to fewer keys, then to the first."""
    ordered = sorted(options, key=lambda option: (option.size_bytes, len(option.definition.keys)))
    savings = _Savings(ordered, calls)
    search = _Search(savings, terms)
    found = [search.polished(search.greedy(score)) for score in (_per_byte, _absolute)]
    if len(ordered) <= _MOST_TO_TRY_ALL:
        found += [search.paying(chosen) for chosen in search.everything()]
    if terms.budget_bytes is not None:
        found += _with_dearer_bytes(savings, terms)
    best = max(found, key=lambda chosen: (search.worth(chosen), -chosen.bit_count()))
    return search.definitions(best)


def _per_byte(gain: float, size_bytes: int) -> float:
    return gain / max(size_bytes, _PAGE_BYTES)


def _absolute(gain: float, _size_bytes: int) -> float:
    return gain


def _with_dearer_bytes(savings: _Savings, terms: Terms) -> Iterable[int]:
    """A set that fits because bytes were dear: it can beat one cut off at the budget.

    Lagrange's way with a knapsack: without the bound, at a higher price for what it bounds.
    """
    for times in (2, 4, 8, 16, 32, 64):
        per_byte = terms.milliseconds_per_byte * times
        dearer = replace(terms, milliseconds_per_byte=per_byte, budget_bytes=None)
        search = _Search(savings, dearer)
        chosen = search.greedy(_absolute)
        if search.size(chosen) > (terms.budget_bytes or 0):
            continue  # not worth the polish
        chosen = search.polished(chosen)
        if search.size(chosen) <= (terms.budget_bytes or 0):
            yield _Search(savings, terms).polished(chosen)
            return


_LEAST_CHANGE = 1e-9
_PAGE_BYTES = 8192
_MOST_AT_ONCE = 4
_MOST_TO_TRY_ALL = 8  # so few options are tried in every combination


def _numbers(mask: int) -> Iterable[int]:
    """Return the numbers of the bits that are set."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class _Savings:
    """What sets of options save, whatever they cost. Sets are bit masks: bit n is option n."""

    def __init__(self, options: Sequence[Option], calls: Sequence[Measured]) -> None:
        self.options = options
        self.bits = {option.definition: 1 << n for n, option in enumerate(options)}
        self.calls = [_Call(call, self.bits) for call in calls]
        self.moves = self._moves(calls)
        self.relevant = {
            move: [call for call in self.calls if call.mask & move] for move in self.moves
        }
        self.reach = {
            move: reduce(or_, (call.mask for call in concerned), 0)
            for move, concerned in self.relevant.items()
        }
        self.known: dict[tuple[int, int], float] = {}
        self.stand_ins = {option: self._stand_ins(option) for option in self.bits.values()}

    def _moves(self, calls: Sequence[Measured]) -> list[int]:
        """Return what can be added at once: any index, and any measured set of a few.

        Two indexes that one OR or one join needs both are worth nothing one by one.
        """
        together = {
            sum(self.bits[definition] for definition in held)
            for call in calls
            for held in call.costs
            if 1 < len(held) <= _MOST_AT_ONCE and held <= self.bits.keys()
        }
        return [*self.bits.values(), *sorted(together)]

    def _stand_ins(self, one: int) -> list[int]:
        """Return what could take the place of an index: what some call can use instead."""
        return [move for move in self.moves if move & self.reach[one] and not move & one]

    def of(self, chosen: int) -> float:
        """Return the milliseconds that a set saves."""
        return sum(call.saved(chosen) for call in self.calls)

    def more(self, chosen: int, move: int) -> float:
        """Return what a set saves more by a move; only calls measured with that can change."""
        held = chosen & self.reach[move]
        if (move, held) not in self.known:
            concerned = self.relevant[move]
            self.known[move, held] = sum(c.saved(held | move) - c.saved(held) for c in concerned)
        return self.known[move, held]


class _Search:
    """One search for the set worth most on some terms."""

    def __init__(self, savings: _Savings, terms: Terms) -> None:
        self.savings = savings
        self.options = savings.options
        self.terms = terms
        self.prices = [terms.price(option) for option in self.options]

    def definitions(self, chosen: int) -> Indexes:
        return frozenset(self.options[n].definition for n in _numbers(chosen))

    def price(self, chosen: int) -> float:
        return sum(self.prices[n] for n in _numbers(chosen))

    def size(self, chosen: int) -> int:
        return sum(self.options[n].size_bytes for n in _numbers(chosen))

    def everything(self) -> Iterable[int]:
        """Return every set that the budget allows."""
        budget = self.terms.budget_bytes
        every = range(1 << len(self.options))
        return (chosen for chosen in every if budget is None or self.size(chosen) <= budget)

    def worth(self, chosen: int) -> float:
        """Time saved, less upkeep and space."""
        return self.savings.of(chosen) - self.price(chosen)

    def greedy(self, score: Callable[[float, int], float]) -> int:
        chosen = 0
        while True:
            gains = [(self._gain(chosen, move), move) for move in self._allowed(chosen)]
            scored = [
                (score(gain, self.size(move & ~chosen)), -move) for gain, move in gains if gain > 0
            ]
            if not scored:
                return chosen
            chosen |= -max(scored)[1]

    def polished(self, chosen: int) -> int:
        """Remove, add and swap while the set gets worth more."""
        while True:
            better = max(self._changes(chosen), default=None)
            if better is None or better[0] <= _LEAST_CHANGE:
                return self.paying(chosen)
            chosen = better[1]

    def _changes(self, chosen: int) -> Iterable[tuple[float, int]]:
        """Return what each removal, swap and addition is worth, with the set it leads to."""
        for move in self._allowed(chosen):
            yield self._gain(chosen, move), chosen | move
        losses = {1 << n: self._gain(chosen & ~(1 << n), 1 << n) for n in _numbers(chosen)}
        for out, lost in losses.items():
            rest = chosen & ~out
            yield -lost, rest
            for move in self._fitting(rest, self.savings.stand_ins[out]):
                yield self._gain(rest, move) - lost, rest | move
        if self.terms.budget_bytes is not None:
            yield from self._with_room_made(chosen, losses)

    def _with_room_made(
        self, chosen: int, losses: Mapping[int, float]
    ) -> Iterable[tuple[float, int]]:
        """Return what additions are worth when what is worth least for its bytes makes room."""
        dispensable = sorted(losses, key=lambda out: (losses[out] / self.size(out), out))
        rests = list(accumulate(dispensable, lambda rest, out: rest & ~out, initial=chosen))
        lost = [self.worth(rest) - self.worth(chosen) for rest in rests]
        fitting = set(self._allowed(chosen))
        for move in self.savings.moves:
            if not move & ~chosen or move in fitting:
                continue
            number = bisect_left(rests, 0, key=lambda rest: self._room(rest | move))
            if number < len(rests):
                rest = rests[number]
                yield lost[number] + self._gain(rest, move), rest | move

    def paying(self, chosen: int) -> int:
        """Leave out what saves less than is worth anybody's while."""
        for number in _numbers(chosen):
            one = 1 << number
            saved = self._gain(chosen & ~one, one) + self.price(one)
            if saved < self.terms.least(self.options[number]):
                return self.paying(chosen & ~one)
        return chosen

    def _gain(self, chosen: int, move: int) -> float:
        """Return what more indexes are worth."""
        return self.savings.more(chosen, move) - self.price(move & ~chosen)

    def _allowed(self, chosen: int) -> list[int]:
        return self._fitting(chosen, self.savings.moves)

    def _fitting(self, chosen: int, moves: Iterable[int]) -> list[int]:
        """Return the moves that add something and for which there is room."""
        new = [move for move in moves if move & ~chosen]
        if self.terms.budget_bytes is None:
            return new
        return [move for move in new if self._room(chosen | move) >= 0]

    def _room(self, chosen: int) -> int:
        """Return the bytes that a set leaves of the budget, below 0 if it does not fit."""
        return (self.terms.budget_bytes or 0) - self.size(chosen)


class _Call:
    """One call, with what it saves under each set of the indexes that concern it, once asked."""

    def __init__(self, call: Measured, bits: Mapping[IndexDefinition, int]) -> None:
        self.milliseconds = call.milliseconds
        costs = {
            sum(bits[definition] for definition in held): cost
            for held, cost in call.costs.items()
            if held <= bits.keys()
        }
        self.mask = reduce(or_, costs, 0)
        self.parts = _largest_first(costs)
        self.known = {held: self.milliseconds * (1 - cost) for held, cost in costs.items()}

    def saved(self, chosen: int) -> float:
        held = chosen & self.mask
        if held not in self.known:
            self.known[held] = self.milliseconds * (1 - _cost(self.parts, held))
        return self.known[held]


_Set = TypeVar("_Set", int, Indexes)  # bits, or definitions


def _largest_first(costs: Mapping[_Set, float]) -> list[tuple[_Set, float]]:
    return sorted(costs.items(), key=lambda item: _size(item[0]), reverse=True)


def _size(held: int | Indexes) -> int:
    return held.bit_count() if isinstance(held, int) else len(held)


def _cost(parts: Iterable[tuple[_Set, float]], held: _Set) -> float:
    """Return the smallest cost under a part of a set that lies in no larger measured part."""
    cost = inf
    larger: list[_Set] = []
    for part, known in parts:
        if part & held == part and not any(part & other == part for other in larger):
            larger.append(part)
            cost = min(cost, known)
    return cost if larger else 1.0
