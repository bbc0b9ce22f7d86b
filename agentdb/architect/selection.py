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
        return _cost(self.costs, frozenset(d for d in chosen if d.table in self.tables))


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
    search = _Search(ordered, calls, terms)
    found = [search.polished(search.greedy(score)) for score in (_per_byte, _absolute)]
    if len(ordered) <= _MOST_TO_TRY_ALL:
        found += [search.paying(chosen) for chosen in search.everything()]
    if terms.budget_bytes is not None:
        found += _with_dearer_bytes(ordered, calls, terms)
    best = max(found, key=lambda chosen: (search.worth(chosen), -chosen.bit_count()))
    return search.definitions(best)


def _per_byte(gain: float, size_bytes: int) -> float:
    return gain / max(size_bytes, _PAGE_BYTES)


def _absolute(gain: float, _size_bytes: int) -> float:
    return gain


def _with_dearer_bytes(
    options: Sequence[Option], calls: Sequence[Measured], terms: Terms
) -> Iterable[int]:
    """A set that fits because bytes were dear: it can beat one cut off at the budget.

    Lagrange's way with a knapsack: without the bound, at a higher price for what it bounds.
    """
    for times in (2, 4, 8, 16, 32, 64):
        per_byte = terms.milliseconds_per_byte * times
        dearer = replace(terms, milliseconds_per_byte=per_byte, budget_bytes=None)
        search = _Search(options, calls, dearer)
        chosen = search.greedy(_absolute)
        if search.size(chosen) > (terms.budget_bytes or 0):
            continue  # not worth the polish
        chosen = search.polished(chosen)
        if search.size(chosen) <= (terms.budget_bytes or 0):
            yield _Search(options, calls, terms).polished(chosen)
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


class _Search:
    """One search. Sets are bit masks: bit n is option n."""

    def __init__(self, options: Sequence[Option], calls: Sequence[Measured], terms: Terms) -> None:
        self.options = options
        self.terms = terms
        self.every = range(len(options))
        self.prices = [terms.price(option) for option in options]
        self.bits = {option.definition: 1 << n for n, option in enumerate(options)}
        self.calls = [_Call(call, self.bits) for call in calls]
        self.moves = self._moves(calls)
        self.relevant = {
            move: [call for call in self.calls if call.mask & move] for move in self.moves
        }
        self.stand_ins = {1 << n: self._stand_ins(1 << n) for n in self.every}

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
        return [1 << n for n in self.every] + sorted(together)

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
        return sum(call.saved(chosen) for call in self.calls) - self.price(chosen)

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
            for move in self._fitting(rest, self.stand_ins[out]):
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
        for move in (move for move in self.moves if move & ~chosen and move not in fitting):
            number = bisect_left(rests, 0, key=lambda rest: self._room(rest | move))
            if number < len(rests):
                rest = rests[number]
                yield lost[number] + self._gain(rest, move), rest | move

    def _stand_ins(self, one: int) -> list[int]:
        """Return what could take the place of an index: what some call can use instead."""
        used = 0
        for call in self.relevant[one]:
            used |= call.mask
        return [move for move in self.moves if move & used and not move & one]

    def paying(self, chosen: int) -> int:
        """Leave out what saves less than is worth anybody's while."""
        for number in _numbers(chosen):
            one = 1 << number
            saved = self._gain(chosen & ~one, one) + self.price(one)
            if saved < self.terms.least(self.options[number]):
                return self.paying(chosen & ~one)
        return chosen

    def _gain(self, chosen: int, move: int) -> float:
        """Return what more indexes are worth; only calls they were measured with can change."""
        more = sum(call.saved(chosen | move) - call.saved(chosen) for call in self.relevant[move])
        return more - self.price(move & ~chosen)

    def _allowed(self, chosen: int) -> list[int]:
        return self._fitting(chosen, self.moves)

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
        self.costs = {
            sum(bits[definition] for definition in held): cost
            for held, cost in call.costs.items()
            if held <= bits.keys()
        }
        self.mask = reduce(or_, self.costs, 0)
        self.known: dict[int, float] = {}

    def saved(self, chosen: int) -> float:
        held = chosen & self.mask
        if held not in self.known:
            self.known[held] = self.milliseconds * (1 - _cost(self.costs, held))
        return self.known[held]


_Set = TypeVar("_Set", int, Indexes)  # bits, or definitions


def _cost(costs: Mapping[_Set, float], held: _Set) -> float:
    if held in costs:
        return costs[held]
    parts = [part for part in costs if part & held == part]
    largest = (
        part for part in parts if not any(part != other and part & other == part for other in parts)
    )
    return min((costs[part] for part in largest), default=1.0)
