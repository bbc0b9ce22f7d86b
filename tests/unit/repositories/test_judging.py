"""The best version is seldom a lucky one, and seldom called clear without being it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from agentdb.rates import rate
from agentdb.repositories.judging import judged
from agentdb.repositories.prompt import Best, Tally

ROUNDS = 2_000


def tally(version: int, successes: float, trials: int) -> Tally:
    return Tally(
        name="greet",
        version=version,
        uses=trials,
        success=rate(successes, trials),
        score=None,
        mean_latency_ms=None,
        p95_latency_ms=None,
        tokens=0,
        last_used_at=None,
    )


def simulated(truth: Sequence[float], uses: Sequence[int], *, enough: int) -> list[Best]:
    """What is said of versions with these true rates and uses, in many draws."""
    drawn = np.random.default_rng(3).binomial(uses, truth, size=(ROUNDS, len(truth)))
    return [
        judged([tally(n + 1, float(got), uses[n]) for n, got in enumerate(row)], "success", enough)
        for row in drawn
    ]


@pytest.mark.parametrize("versions", [2, 3, 8])
@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("uses", [20, 100, 1000])
def test_of_versions_that_are_alike_one_is_called_clear_in_less_than_1_of_20_cases(
    versions: int, share: float, uses: int
) -> None:
    said = simulated([share] * versions, [uses] * versions, enough=20)
    assert sum(best.clear for best in said) / ROUNDS <= 0.05 + 0.01  # what chance adds in 2,000


def test_two_that_are_alike_are_not_told_apart_because_others_are_worse() -> None:
    said = simulated([0.9, 0.9, 0.5, 0.5], [200] * 4, enough=20)
    assert sum(best.clear for best in said) / ROUNDS <= 0.06


def test_a_version_that_is_better_is_found_and_called_clear() -> None:
    said = simulated([0.7, 0.9, 0.7], [150] * 3, enough=20)
    assert np.mean([best.winner is not None and best.winner.version == 2 for best in said]) > 0.99
    assert np.mean([best.clear for best in said]) > 0.95


def test_a_good_version_with_many_uses_is_not_beaten_by_luck_where_the_mere_rate_is() -> None:
    truth, uses = [0.9, 0.6, 0.6, 0.6], [300, 3, 3, 3]
    said = simulated(truth, uses, enough=1)
    lucky = np.mean([best.winner is not None and best.winner.version != 1 for best in said])
    by_rate = np.mean([_highest(best.tallies) != 1 for best in said])
    assert lucky == 0
    assert by_rate > 0.4


def _highest(tallies: Sequence[Tally]) -> int:
    """The version that the rate alone would choose."""
    return max((each.success.value, each.version) for each in tallies if each.success)[1]
