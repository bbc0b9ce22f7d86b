"""Choosing a set of indexes from measured costs."""

from __future__ import annotations

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from agentdb.architect.selection import NOTHING, Measured, Option, Terms, choose
from agentdb.target.index import IndexDefinition, Key

FREE = Terms(least_milliseconds=0.0, milliseconds_per_byte=0.0)


def definition(name: str) -> IndexDefinition:
    return IndexDefinition("public", "t", "btree", (Key(name),))


def option(name: str, size: int = 8192, upkeep: float = 0.0) -> Option:
    return Option(definition(name), size, upkeep)


def call(milliseconds: float, **costs: float) -> Measured:
    by_set = {frozenset(definition(n) for n in names.split("_")): c for names, c in costs.items()}
    return Measured(milliseconds, {NOTHING: 1.0, **by_set}, frozenset({"t"}))


def names(chosen: frozenset[IndexDefinition]) -> set[str]:
    return {found.keys[0].sql for found in chosen}


def test_the_better_of_two_indexes_is_enough() -> None:
    calls = [call(100, a=0.5, b=0.1)]
    assert names(choose([option("a"), option("b")], calls, FREE)) == {"b"}


def test_nothing_is_chosen_when_nothing_helps() -> None:
    assert choose([option("a")], [call(100, a=1.0)], FREE) == NOTHING


def test_two_indexes_that_help_only_together_need_a_measured_pair() -> None:
    calls = [call(100, a=0.9, b=0.9, a_b=0.05)]
    assert names(choose([option("a"), option("b")], calls, FREE)) == {"a", "b"}


def test_two_indexes_that_an_or_needs_both_are_found_although_one_alone_does_nothing() -> None:
    calls = [call(100, a_b=0.05), call(100, c=0.5)]
    terms = Terms(least_milliseconds=1, milliseconds_per_byte=1e-6)
    chosen = choose([option("a"), option("b"), option("c")], calls, terms)
    assert names(chosen) == {"a", "b", "c"}


def test_one_index_for_two_statements_beats_one_for_each() -> None:
    calls = [call(100, a=0.1, c=0.12), call(100, b=0.1, c=0.12)]
    terms = Terms(least_milliseconds=5, milliseconds_per_byte=0.001)
    chosen = choose([option("a"), option("b"), option("c")], calls, terms)
    assert names(chosen) == {"c"}


def test_upkeep_that_costs_more_than_is_saved_decides_against() -> None:
    assert choose([option("a", upkeep=95)], [call(100, a=0.1)], FREE) == NOTHING


def test_a_tiny_index_has_to_save_a_third_of_what_others_must() -> None:
    calls = [call(10, tiny=0.6), call(10, small=0.6), call(10, useless=0.8)]
    options = [option("tiny", 100), option("small", 101), option("useless", 100)]
    terms = Terms(least_milliseconds=9, milliseconds_per_byte=0, tiny_bytes=100)
    assert names(choose(options, calls, terms)) == {"tiny"}


def test_a_budget_is_kept_and_the_big_index_still_found() -> None:
    """Benefit per byte alone would fill the budget with the small one and miss the big one."""
    calls = [call(10, small=0.1), call(1000, big=0.1)]
    terms = Terms(0, 0, budget_bytes=1_000_000)
    options = [option("small", 10_000), option("big", 995_000)]
    assert names(choose(options, calls, terms)) == {"big"}


def test_what_was_measured_together_overrules_what_each_does_alone() -> None:
    """The planner takes the wrong one of two: the pair is worse than the better alone."""
    calls = [call(100, a=0.1, b=0.2, a_b=0.9)]
    assert names(choose([option("a"), option("b")], calls, FREE)) == {"a"}


def test_an_index_must_save_enough_to_be_worth_anybodys_while() -> None:
    terms = Terms(least_milliseconds=20, milliseconds_per_byte=0)
    assert choose([option("a")], [call(100, a=0.9)], terms) == NOTHING


NAMES = "abcd"
COSTS = st.dictionaries(st.sampled_from(NAMES), st.floats(0.01, 1.2), max_size=4)
WORKLOADS = st.lists(st.tuples(st.floats(1, 1000), COSTS), min_size=1, max_size=4)


@given(WORKLOADS)
def test_the_choice_is_as_good_as_trying_every_set(
    workload: list[tuple[float, dict[str, float]]],
) -> None:
    calls = [call(milliseconds, **costs) for milliseconds, costs in workload]
    options = [option(name, upkeep=1.0) for name in NAMES]
    chosen = choose(options, calls, FREE)
    every = chain.from_iterable(combinations(options, n) for n in range(len(options) + 1))
    best = max(_worth(frozenset(o.definition for o in part), calls) for part in every)
    assert _worth(chosen, calls) >= 0.9 * best - 1e-6


@given(WORKLOADS, st.permutations(NAMES))
def test_the_choice_does_not_depend_on_the_order_of_the_options(
    workload: list[tuple[float, dict[str, float]]], order: list[str]
) -> None:
    calls = [call(milliseconds, **costs) for milliseconds, costs in workload]
    sizes = {name: 8192 * (n + 1) for n, name in enumerate(NAMES)}
    first = choose([option(name, sizes[name]) for name in NAMES], calls, FREE)
    assert choose([option(name, sizes[name]) for name in order], calls, FREE) == first


def _worth(chosen: frozenset[IndexDefinition], calls: list[Measured]) -> float:
    return sum(c.milliseconds * (1 - c.cost(chosen)) for c in calls) - 1.0 * len(chosen)


def test_room_is_made_within_a_budget_by_what_is_worth_least_for_its_bytes() -> None:
    """By benefit, and by benefit per byte, one comes to 192 of the 197 that the budget allows."""
    pages = dict(zip("abcdefghi", [30, 30, 4, 5, 5, 14, 29, 8, 26], strict=True))
    saves = dict(zip("abcdefghi", [52, 29, 26, 48, 23, 48, 12, 47, 53], strict=True))
    terms = Terms(least_milliseconds=0.1, milliseconds_per_byte=1e-9, budget_bytes=50 * 8192)
    calls = [call(milliseconds, **{name: 0.0}) for name, milliseconds in saves.items()]
    chosen = choose([option(name, 8192 * size) for name, size in pages.items()], calls, terms)
    assert sum(saves[name] for name in names(chosen)) == 197
    assert sum(pages[name] for name in names(chosen)) <= 50
