"""What the clock and the counts say together about how long plans take."""

from __future__ import annotations

import pytest

from agentdb.architect.timing import Timed, fastest, likely_milliseconds


def test_one_plan_takes_what_the_clock_says() -> None:
    assert likely_milliseconds([Timed("a", 100.0, 0.3)]) == [pytest.approx(0.3)]


def test_plans_next_to_each_other_are_told_apart_by_what_was_counted() -> None:
    """The clock says the second took half as long again, for a hundredth more work."""
    first, second = likely_milliseconds([Timed("a", 10_000, 8.0), Timed("a", 10_100, 12.0)])
    assert second / first == pytest.approx(1.01, abs=0.01)


def test_plans_far_apart_are_told_apart_by_the_clock() -> None:
    """By what was counted a third; by the clock a tenth."""
    first, second = likely_milliseconds([Timed("a", 90, 0.3, runs=3), Timed("b", 30, 0.03, runs=3)])
    assert first / second == pytest.approx(10, rel=0.2)


def test_another_shape_leaves_more_to_the_clock() -> None:
    same = likely_milliseconds([Timed("a", 100, 0.1), Timed("a", 101, 0.2)])
    other = likely_milliseconds([Timed("a", 100, 0.1), Timed("b", 101, 0.2)])
    assert 1 < same[1] / same[0] < other[1] / other[0] < 2


def test_a_slower_machine_changes_nothing_between_plans() -> None:
    plans = [("a", 50.0, 0.1), ("b", 300.0, 0.2), ("b", 9_000.0, 7.0)]
    here = likely_milliseconds([Timed(*each) for each in plans])
    there = likely_milliseconds([Timed(shape, work, 10 * ms) for shape, work, ms in plans])
    assert there == [pytest.approx(10 * milliseconds) for milliseconds in here]


def test_more_runs_make_the_clock_weigh_more() -> None:
    once = likely_milliseconds([Timed("a", 100, 0.1), Timed("b", 101, 0.2)])
    often = likely_milliseconds([Timed("a", 100, 0.1, runs=9), Timed("b", 101, 0.2, runs=9)])
    assert once[1] / once[0] < often[1] / often[0]


def test_of_two_runs_the_faster_is_kept_and_both_are_counted() -> None:
    assert fastest(Timed("a", 1, 0.3, 3), Timed("a", 1, 0.2)) == Timed("a", 1, 0.2, 4)
