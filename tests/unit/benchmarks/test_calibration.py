"""Random businesses are the same again, and ways to be sure are compared on others' outcomes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agentdb.history.calibration import Advice
from agentdb.target.syntax import fingerprint
from benchmarks.calibration.following import Followed
from benchmarks.calibration.learning import Score, base_rate, judge, judge_taught, raw, shifted
from benchmarks.calibration.report import keep, print_followed, print_scores, read_followed
from benchmarks.calibration.workload import make_business

CONFIDENT = Advice("create_index", "measured", 1e4, 0.9, 95.0)
GOOD = Followed(1, "Index", CONFIDENT, True, 90.0, 85.0, 95.0, 80.0, 90.0)  # noqa: FBT003
BAD = replace(GOOD, gain_percent=2.0, low_percent=0.0, high_percent=4.0)
UNCLEAR = replace(GOOD, gain_percent=25.0, low_percent=-5.0, high_percent=40.0)


def followed(share: float, businesses: int = 20, each: int = 10) -> list[Followed]:
    """Advice of some businesses, a share of which was worth it, whatever its confidence."""
    random = np.random.default_rng(1)
    return [
        replace(GOOD if random.random() < share else BAD, seed=seed)
        for seed in range(businesses)
        for _ in range(each)
    ]


def named(scores: tuple[Score, ...]) -> dict[str, Score]:
    return {score.way: score for score in scores}


def test_a_seed_is_always_the_same_business() -> None:
    def told(seed: int) -> list[str]:
        business, random = make_business(seed), np.random.default_rng(0)
        created = [line for table in business.tables for line in (*table.create(), table.add_one())]
        return created + [each.call(random, "even") for each in business.statements]

    assert told(7) == told(7)
    assert told(7) != told(8)


def test_values_do_not_make_another_statement() -> None:
    random = np.random.default_rng(0)
    for business in map(make_business, range(8)):
        for each in business.statements:
            texts = [each.call(random, leaning, 1.2) for leaning in ("common", "even", "rare")]
            assert len({fingerprint(text) for text in texts}) == 1, texts


def test_what_is_rare_is_asked_for_by_smaller_ranges() -> None:
    business = make_business(3)
    (moment, *_) = business.tables[0].of("moment")
    random = np.random.default_rng(0)
    rare = [moment.draw(random, "rare", 1.0) for _ in range(9)]
    common = [moment.draw(random, "common", 1.0) for _ in range(9)]
    assert min(rare, key=_seconds) > max(common, key=_seconds)


def _seconds(drawn: str) -> int:
    return int(drawn.split("interval '")[1].split(maxsplit=1)[0])


def test_where_the_clock_is_not_clear_what_was_counted_decides() -> None:
    assert not UNCLEAR.is_clear
    assert UNCLEAR.lesson.realised_gain_percent == UNCLEAR.work_gain_percent
    assert GOOD.lesson.realised_gain_percent == GOOD.gain_percent


def test_learning_lowers_confidences_that_were_too_high_on_other_databases() -> None:
    scores = named(judge(followed(0.4), seed=1, splits=6))
    assert scores["learnt"].brier_over_raw_interval[1] < 0
    assert scores["learnt"].log_loss_over_raw_interval[1] < 0
    assert scores["learnt"].better == 1.0
    assert scores["raw"].brier == pytest.approx(0.4 * 0.01 + 0.6 * 0.81, abs=0.05)
    assert scores["raw"].brier_over_raw == 0


def test_each_piece_of_advice_is_told_once_in_a_split() -> None:
    some = followed(0.7, businesses=5, each=3)
    for score in judge(some, seed=2, splits=3):
        assert sum(found.observed.trials for found in score.bins) == len(some)


def test_simple_ways_are_what_they_say() -> None:
    lessons = [each.lesson for each in followed(0.4)]
    share = sum(lesson.was_worth_it for lesson in lessons) / len(lessons)
    assert raw(lessons)(CONFIDENT) == pytest.approx(0.9)
    assert base_rate(lessons)(CONFIDENT) == pytest.approx(share, abs=0.01)
    assert shifted(lessons)(CONFIDENT) == pytest.approx(share, abs=0.01)


def test_what_other_runs_taught_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    first, second = followed(0.4, businesses=3), followed(0.5, businesses=2)
    keep("first", first, {}, file)
    keep("second", second, {"halves": judge(second, 1, splits=2)}, file)
    assert read_followed(file, "second") == (tuple(second), tuple(first))
    assert named(judge_taught(first, second, 1))["learnt"].brier_over_raw < 0


def test_a_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    some = [*followed(0.5, businesses=4), UNCLEAR]
    print_followed(some)
    print_scores("Halves", judge(some, 1, splits=2))
    printed = capsys.readouterr().out
    assert "41 pieces of advice on 4 databases" in printed
    assert "disagreed on 1" in printed
    assert "base rate" in printed
    assert printed.count("came true of") >= 2
