"""Intervals of rates: the published figures, and that they hold what they promise."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdb import rates
from agentdb.rates import difference, rate

# Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
# (1998), table I, method 3: Wilson without continuity correction.
PUBLISHED = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]

# Newcombe, "Interval estimation for the difference", Statistics in Medicine 17 (1998), table II,
# method 10.
DIFFERENCES = [
    ((56, 70), (48, 80), 0.0524, 0.3339),
    ((9, 10), (3, 10), 0.1705, 0.8090),
    ((6, 7), (2, 7), 0.0582, 0.8062),
    ((5, 56), (0, 29), -0.0381, 0.1926),
    ((0, 10), (0, 20), -0.1611, 0.2775),
    ((0, 10), (0, 10), -0.2775, 0.2775),
    ((10, 10), (0, 20), 0.6791, 1.0000),
    ((10, 10), (0, 10), 0.6075, 1.0000),
]


@pytest.mark.parametrize(("total", "trials", "low", "high"), PUBLISHED)
def test_wilsons_interval_is_the_published_one(
    total: int, trials: int, low: float, high: float
) -> None:
    found = rate(total, trials)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("one", "other", "low", "high"), DIFFERENCES)
def test_newcombes_interval_is_the_published_one(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    first, second = rate(*one), rate(*other)
    assert first is not None
    assert second is not None
    found = difference(first, second)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_of_no_trials_there_is_no_rate() -> None:
    assert rate(0, 0) is None


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_rate_lies_in_its_interval(trials: int, share: float) -> None:
    found = rate(share * trials, trials)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("trials", [10, 50, 400])
def test_the_interval_holds_the_true_rate_in_some_95_of_100_cases(
    share: float, trials: int
) -> None:
    drawn = np.random.default_rng(1).binomial(trials, share, size=20_000)
    found = {total: rate(total, trials) for total in range(trials + 1)}
    held = [r.low <= share <= r.high for total in drawn if (r := found[int(total)]) is not None]
    assert 0.925 <= np.mean(held) <= 0.985


def test_the_mean_of_marks_is_held_at_least_as_often() -> None:
    rng = np.random.default_rng(2)
    marks = rng.beta(4, 2, size=(5_000, 30))
    found = [rate(float(total), 30) for total in marks.sum(axis=1)]
    held = [each.low <= 4 / 6 <= each.high for each in found if each is not None]
    assert np.mean(held) >= 0.95


def test_the_example_is_true() -> None:
    assert doctest.testmod(rates).failed == 0
