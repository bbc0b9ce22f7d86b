"""Which indexes together? A choice for the whole workload from measured costs; pure.

The cost of a call under a set of indexes is the smallest cost measured under any part of
that set (atomic configurations: Finkelstein et al. 1988, also CoPhy's model). A set is
worth the time it saves, less the time its upkeep takes at writes, less a price for its
bytes. Two greedy searches, by benefit per byte and by benefit alone, fail on different
workloads, so the better of the two is kept; then single removals and swaps while they pay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentdb.target.index import IndexDefinition

Indexes = frozenset[IndexDefinition]
NOTHING: Indexes = frozenset()


@dataclass(frozen=True, slots=True)
class Option:
    """An index that could be chosen; `upkeep_milliseconds` is what the workload's writes pay."""

    definition: IndexDefinition
    size_bytes: int
    upkeep_milliseconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One call: the time it takes in the workload now, and its cost under sets of indexes.

    Costs are relative to the cost without any new index, so 1.0 is "as before"; `tables`
    are the names of the tables the call reads.
    """

    milliseconds: float
    costs: Mapping[Indexes, float]
    tables: frozenset[str]

    def cost(self, chosen: Indexes) -> float:
        """Return the relative cost under a set: as measured, else of its best part."""
        held = frozenset(d for d in chosen if d.table in self.tables)
        if held in self.costs:
            return self.costs[held]
        return min((cost for part, cost in self.costs.items() if part <= held), default=1.0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a choice is bound to.

    `least_milliseconds` is the time an index has to save to be worth proposing at all;
    `milliseconds_per_byte` what a byte costs; `budget_bytes` bounds the whole set.
    """

    least_milliseconds: float
    milliseconds_per_byte: float
    budget_bytes: int | None = None

    def price(self, option: Option) -> float:
        """Return what an option costs: upkeep and space, in milliseconds of the workload."""
        return option.upkeep_milliseconds + option.size_bytes * self.milliseconds_per_byte


def choose(options: Iterable[Option], calls: Sequence[Measured], terms: Terms) -> Indexes:
    """Return the set worth most; ties go to the smaller, then to the first by name."""
    ordered = sorted(options, key=lambda option: (option.size_bytes, _named(option)))
    search = _Search(ordered, calls, terms)
    per_byte = search.greedy(lambda gain, option: gain / max(option.size_bytes, 8192))
    absolute = search.greedy(lambda gain, _option: gain)
    best = max((per_byte, absolute), key=lambda found: (search.worth(found), -len(found)))
    return frozenset(option.definition for option in search.polished(best))


def _named(option: Option) -> tuple[str, str, str]:
    return option.definition.schema, option.definition.table, option.definition.body


_Set = tuple[Option, ...]


class _Search:
    """One search; holds what does not change while it runs."""

    def __init__(self, options: Sequence[Option], calls: Sequence[Measured], terms: Terms) -> None:
        self.options = options
        self.calls = calls
        self.terms = terms
        self._relevant = {
            option: [call for call in calls if any(option.definition in s for s in call.costs)]
            for option in options
        }

    def saved(self, chosen: Iterable[Option], calls: Sequence[Measured] | None = None) -> float:
        held = frozenset(option.definition for option in chosen)
        return sum(c.milliseconds * (1 - c.cost(held)) for c in calls or self.calls)

    def worth(self, chosen: Iterable[Option]) -> float:
        """Time saved, less upkeep and space."""
        kept = tuple(chosen)
        return self.saved(kept) - sum(self.terms.price(option) for option in kept)

    def greedy(self, score: Callable[[float, Option], float]) -> _Set:
        chosen: _Set = ()
        while True:
            gains = [(self._gain(chosen, option), option) for option in self._allowed(chosen)]
            scored = [(score(gain, option), option) for gain, option in gains if gain > 0]
            if not scored:
                return chosen
            best = max(value for value, _ in scored)
            chosen = (*chosen, next(option for value, option in scored if value == best))

    def polished(self, chosen: _Set) -> _Set:
        """Remove and swap single indexes while the set gets worth more."""
        while True:
            better = max(self._neighbours(chosen), key=self.worth, default=chosen)
            if self.worth(better) <= self.worth(chosen) + 1e-9:
                return self._paying(chosen)
            chosen = better

    def _neighbours(self, chosen: _Set) -> Iterable[_Set]:
        for out in chosen:
            rest = tuple(option for option in chosen if option is not out)
            yield rest
            for option in self._allowed(rest):
                yield (*rest, option)

    def _paying(self, chosen: _Set) -> _Set:
        """Leave out what saves less than is worth anybody's while."""
        for option in chosen:
            rest = tuple(other for other in chosen if other is not option)
            if self.saved(chosen) - self.saved(rest) < self.terms.least_milliseconds:
                return self._paying(rest)
        return chosen

    def _gain(self, chosen: _Set, option: Option) -> float:
        """What one more index is worth; only the calls it was measured with can change."""
        calls = self._relevant[option]
        if not calls:
            return 0.0
        more = self.saved((*chosen, option), calls) - self.saved(chosen, calls)
        return more - self.terms.price(option)

    def _allowed(self, chosen: _Set) -> list[Option]:
        budget = self.terms.budget_bytes
        used = sum(option.size_bytes for option in chosen)
        return [
            option
            for option in self.options
            if option not in chosen and (budget is None or used + option.size_bytes <= budget)
        ]
