"""Student's t: the published quantiles."""

from __future__ import annotations

import doctest

import pytest

from agentdb.history import student
from agentdb.history.student import reach, surprise

# Abramowitz and Stegun, table 26.10: two-sided 5 % and 1 %.
PUBLISHED = [
    (1, 12.706, 63.657),
    (2, 4.303, 9.925),
    (3, 3.182, 5.841),
    (6, 2.447, 3.707),
    (11, 2.201, 3.106),
    (30, 2.042, 2.750),
    (120, 1.980, 2.617),
]


@pytest.mark.parametrize(("freedom", "five", "one"), PUBLISHED)
def test_quantiles_are_the_published_ones(freedom: int, five: float, one: float) -> None:
    assert reach(freedom) == pytest.approx(five, abs=6e-4)
    assert reach(freedom, 0.01) == pytest.approx(one, abs=6e-4)
    assert surprise(-five, freedom) == pytest.approx(0.05, abs=1e-4)


def test_nothing_is_less_surprising_than_no_difference() -> None:
    assert surprise(0, 7) == 1
    assert surprise(1e9, 8) == 0


def test_the_examples_hold() -> None:
    assert doctest.testmod(student).failed == 0
