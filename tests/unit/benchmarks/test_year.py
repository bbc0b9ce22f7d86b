"""A year that is drawn: the same for a seed, another one for the next, and to be kept to."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.year.drawn import WEEKS, drawn_year
from benchmarks.year.plan import Plan


def outline(plan: Plan) -> list[tuple[str, str, int, str]]:
    return [
        (plan.titles[each.event - 1], each.family, each.week, each.due) for each in plan.expected
    ]


def test_a_seed_draws_the_same_year_again_and_another_seed_another_one() -> None:
    assert outline(drawn_year(5)) == outline(drawn_year(5))
    assert outline(drawn_year(5)) != outline(drawn_year(6))


@pytest.mark.parametrize("seed", range(40))
def test_a_drawn_year_has_events_of_every_family_and_none_twice(seed: int) -> None:
    plan = drawn_year(seed)
    families = Counter(each.family for each in plan.expected)
    assert families.keys() == {
        *("applied", "outcome", "revert", "regression", "cause", "server", "silence")
    }
    assert len(plan.titles) == len(set(plan.titles)) >= 40
    assert max(week for week, _ in plan.actions) < WEEKS
