"""Series as arrays: where a bucket lies, what was watched, medians with holes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentdb.history.grid import lay_out, median, watched_share
from agentdb.history.series import HOUR, Bucket, StatementSeries, Watched
from tests.simulated import NOW

DAY = timedelta(days=1)


def series(*buckets: Bucket) -> StatementSeries:
    return StatementSeries("f", "SELECT", frozenset(), writes=False, buckets=buckets)


def test_a_bucket_lies_in_the_hour_of_its_middle() -> None:
    hour = Bucket(NOW + 26 * HOUR, HOUR, 3, 12.0, 3, 9)
    day = Bucket(NOW + DAY, DAY, 5, 50.0, 5, 1)
    grid = lay_out([series(day, hour)], NOW, 2)
    assert grid.calls[0, 1, 2] == 3
    assert grid.calls[0, 1, 12] == 5
    assert grid.milliseconds.sum() == 62
    assert grid.blocks.sum() == 10
    assert grid.longest.max(axis=2).tolist() == [[0, 24]]


def test_calls_of_a_long_bucket_are_counted_over_the_hours_it_covers() -> None:
    day, quarter = Bucket(NOW + DAY, DAY, 48, 1.0, 1, 1), Bucket(NOW, HOUR / 4, 3, 1.0, 1, 1)
    late = Bucket(NOW + HOUR / 2, 3 * HOUR, 9, 1.0, 1, 1)
    grid = lay_out([series(quarter, day), series(late)], NOW, 2)
    assert grid.counted[0, 1].tolist() == [2] * 24
    assert grid.counted[0, 0].tolist() == [3] + [0] * 23
    assert grid.counted[1].sum() == 9


def test_what_lies_outside_is_left_out() -> None:
    outside = Bucket(NOW - HOUR, HOUR, 1, 1.0, 1, 1), Bucket(NOW + DAY, HOUR, 1, 1.0, 1, 1)
    assert lay_out([series(*outside), series()], NOW, 1).counted.sum() == 0


def test_an_hour_is_watched_in_part() -> None:
    stretches = [Watched(NOW - DAY, NOW + HOUR / 2), Watched(NOW + 2 * HOUR, NOW + 4 * HOUR)]
    assert watched_share(stretches, NOW, 1)[0, :5].tolist() == [0.5, 0, 1, 1, 0]


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-9, 9)), min_size=1, max_size=9))
def test_a_median_leaves_out_what_is_not_known(values: list[float]) -> None:
    known = [value for value in values if value == value]  # noqa: PLR0124  not NaN
    expected = float(np.median(known)) if known else float("nan")
    np.testing.assert_allclose(median(np.array([values]))[0], expected)
