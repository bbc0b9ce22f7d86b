from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdb.evaluation.intervals import Estimate, estimates, tail


def estimate(values: Sequence[float], groups: Sequence[str | None]) -> Estimate:
    ((found,),) = estimates(np.array(values)[:, None], groups, np.ones((len(values), 1), bool))
    return found


def test_two_groups_leave_everything_between_them_open() -> None:
    assert estimate([0, 0, 1, 1], ["a", "a", "b", "b"]) == Estimate(0.5, 0, 1)


def test_a_group_weighs_what_it_holds() -> None:
    assert estimate([1, 0, 0, 0], ["a", "b", "b", "b"]) == Estimate(0.25, 0, 1)


def test_ten_groups_of_zeros_and_ones_follow_the_binomial_distribution() -> None:
    """How many ones are drawn is binomial(10, 1/2): at most 0 in 0.1 %, 1 in 1.1 %, 2 in 5.5 %.

    The interval ends at the 0.86 % quantile, so at 1 of 10; without the expansion for few
    groups it would end at 2 of 10.
    """
    found = estimate([0, 1] * 5, [str(place) for place in range(10)])
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.1, 0.9))


def test_many_questions_alone_have_the_interval_of_the_normal_distribution() -> None:
    values = [0.0, 1.0] * 200
    found = estimate(values, [None] * 400)
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.004)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.004)


def test_questions_of_one_conversation_are_no_independent_witnesses() -> None:
    values = [0.0] * 50 + [1.0] * 50
    alone = estimate(values, [None] * 100)
    together = estimate(values, ["a"] * 50 + ["b"] * 50)
    assert (alone.value, together.value) == (0.5, 0.5)
    assert (together.low, together.high) == (0, 1)
    assert alone.low is not None
    assert alone.low > 0.35


def test_groups_are_told_by_name_not_by_order() -> None:
    values, groups = [0.1, 0.9, 0.3, 0.5, 0.7, 0.2], ["a", "b", "c", "a", "b", "c"]
    order = [0, 3, 1, 4, 2, 5]
    sorted_ = estimate([values[i] for i in order], [groups[i] for i in order])
    given_ = estimate(values, groups)
    assert (given_.low, given_.high) == pytest.approx((sorted_.low, sorted_.high))


def test_one_group_has_no_interval() -> None:
    assert estimate([0, 1], ["a", "a"]) == Estimate(0.5, None, None)
    assert estimate([0], [None]) == Estimate(0, None, None)


def test_a_question_without_a_group_stands_for_itself() -> None:
    """Two groups: the two named alike, and the one that has no name."""
    assert estimate([1, 1, 0], ["a", "a", None]).value == pytest.approx(2 / 3)
    assert estimate([1, 1, 0], ["a", "a", None]).low == 0


def test_what_is_the_same_everywhere_is_certain() -> None:
    assert estimate([0.25] * 6, ["a", "a", "b", "b", "c", "d"]) == Estimate(0.25, 0.25, 0.25)


def test_a_part_has_the_groups_that_it_has() -> None:
    """The second part is in two of four groups, the third in one: no interval there."""
    values = np.array([[0.0], [1.0], [0.0], [1.0], [1.0]])
    members = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 1], [1, 0, 1]], bool)
    all_, two, one = estimates(values, ["a", "b", "c", "d", "d"], members)
    assert all_[0].value == pytest.approx(0.6)
    assert two == (Estimate(0.5, 0, 1),)
    assert one == (Estimate(1, None, None),)


def test_every_column_has_its_own_interval_from_the_same_draws() -> None:
    values = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [0.2, 0.8], [0.9, 0.1]])
    ((left, right),) = estimates(values, list("abcde"), np.ones((5, 1), bool))
    assert left.low is not None
    assert right.high == pytest.approx(1 - left.low)


def test_the_same_values_give_the_same_interval() -> None:
    values, groups = [0.1, 0.4, 0.35, 0.8], list("aabc")
    assert estimate(values, groups) == estimate(values, groups)


def test_batches_of_draws_are_all_there() -> None:
    """With 3,000 groups the draws come in eight batches; their spread is the one of theory."""
    found = estimate([0.0, 1.0] * 1_500, [None] * 3_000)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.5 / 3_000**0.5, rel=0.05)


@pytest.mark.parametrize(
    ("groups", "student", "share"),
    [(7, 2.4469, 0.00411), (10, 2.2622, 0.00855), (31, 2.0423, 0.0189)],
)
def test_the_share_below_is_that_of_students_quantile(
    groups: int, student: float, share: float
) -> None:
    """The table's quantiles; the shares are Φ(-t √(G / (G - 1))) of them."""
    assert tail(groups) == pytest.approx(share, rel=0.01), student


def test_the_share_below_grows_to_2_5_percent() -> None:
    shares = [tail(groups) for groups in (2, 3, 5, 10, 100, 100_000)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(0.025, rel=1e-3)


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["a", "b", "c", None])), min_size=1, max_size=9
    )
)
def test_an_interval_lies_within_the_values(drawn: list[tuple[float, str | None]]) -> None:
    values = [value for value, _ in drawn]
    found = estimate(values, [group for _, group in drawn])
    assert found.value == pytest.approx(float(np.mean(values)))
    if found.low is not None and found.high is not None:
        assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
