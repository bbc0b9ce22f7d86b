from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdb.architect.mixture import Observed, tilted

_SHARES = st.lists(st.floats(0.01, 1) | st.just(0.0), min_size=2, max_size=8).filter(any)


def _mean(shares: list[float], amounts: list[float]) -> float:
    return sum(share * amount for share, amount in zip(shares, amounts, strict=True))


def test_calls_that_return_much_and_little_make_the_mean_between_them() -> None:
    many, few = tilted([1.0, 1.0], Observed([50.0, 2.0], 34.0, 0.01))
    assert many == pytest.approx(2 / 3, abs=0.01)
    assert few == pytest.approx(1 / 3, abs=0.01)


def test_what_lies_within_the_error_is_left_alone() -> None:
    assert tilted([3.0, 1.0], Observed([10.0, 11.0], 10.25, 5.0)) == pytest.approx([0.75, 0.25])


def test_a_mean_that_no_proportion_has_is_approached() -> None:
    least, most = tilted([1.0, 1.0], Observed([5.0, 28.0], 33.0, 1.0))
    assert most > 0.999 > least


def test_amounts_that_are_all_alike_tell_nothing() -> None:
    assert tilted([1.0, 3.0], Observed([20.0, 20.0], 7.0, 1.0)) == pytest.approx([0.25, 0.75])


def test_what_has_no_share_gets_none_however_well_it_would_do() -> None:
    assert tilted([0.0, 1.0, 1.0], Observed([900.0, 5.0, 7.0], 900.0, 0.1)) == pytest.approx(
        [0.0, 0.0, 1.0]
    )


def test_two_means_are_met_together() -> None:
    """Both sorts of heavy calls fill the LIMIT; only one of them reads as little as was read."""
    rows, blocks = [2.0, 20.0, 20.0], [10.0, 90.0, 425.0]

    light, heavy, heaviest = tilted(
        [1.0, 0.1, 0.1], Observed(rows, 11.0, 0.5), Observed(blocks, 50.0, 10.0)
    )

    assert heavy == pytest.approx(0.5, abs=0.03)
    assert light == pytest.approx(0.5, abs=0.03)
    assert heaviest < 0.01


def test_means_that_contradict_each_other_are_both_approached() -> None:
    one, other = tilted(
        [1.0, 1.0], Observed([0.0, 10.0], 9.0, 1.0), Observed([10.0, 0.0], 9.0, 1.0)
    )

    assert (one, other) == pytest.approx((0.5, 0.5))


@given(shares=_SHARES, data=st.data())
def test_the_mean_comes_nearer_to_what_was_observed(
    shares: list[float], data: st.DataObject
) -> None:
    amount = st.floats(0, 1000)
    amounts = data.draw(st.lists(amount, min_size=len(shares), max_size=len(shares)))
    observed = data.draw(amount)
    found = tilted(shares, Observed(amounts, observed, 1.0))
    before = [share / sum(shares) for share in shares]
    assert sum(found) == pytest.approx(1)
    off = abs(_mean(found, amounts) - observed)
    assert off <= abs(_mean(before, amounts) - observed) + 1e-6
