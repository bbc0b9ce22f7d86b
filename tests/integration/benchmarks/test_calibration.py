"""The calibration on a real server, small: audited, followed, measured, learnt from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.calibration.following import Followed, follow
from benchmarks.calibration.learning import judge
from benchmarks.calibration.workload import Business, make_business

SEEDS = (27, 113, 117)  # small ones


def small(seed: int) -> Business:
    """A part of a random business: its first statements, and the tables as they are."""
    business = make_business(seed)
    return replace(business, statements=business.statements[:6], is_at_work=False)


@pytest.fixture(scope="module")
def followed(server: str) -> tuple[Followed, ...]:
    return tuple(each for seed in SEEDS for each in follow(server, small(seed)))


def test_advice_is_given_followed_and_measured(followed: tuple[Followed, ...]) -> None:
    assert len({each.seed for each in followed}) > 1
    for each in followed:
        assert 0.05 <= each.advice.confidence <= 0.97
        assert each.advice.table_rows >= 1000
        assert each.low_percent <= each.gain_percent <= each.high_percent <= 100
        assert max(each.blocks_gain_percent, each.work_gain_percent) <= 100


def test_some_advice_really_helps_by_what_was_counted(followed: tuple[Followed, ...]) -> None:
    assert max(each.work_gain_percent for each in followed) > 50
    assert max(each.blocks_gain_percent for each in followed) > 50


def test_learning_from_some_databases_does_no_harm_on_others(
    followed: tuple[Followed, ...],
) -> None:
    scores = {score.way: score for score in judge(followed, seed=1, splits=4)}
    assert scores["learnt"].brier < scores["raw"].brier + 0.02
    assert scores["learnt"].log_loss < scores["raw"].log_loss + 0.06
