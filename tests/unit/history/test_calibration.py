"""Calibrated odds: what lessons teach, that few teach little, and how it is judged."""

from __future__ import annotations

import doctest
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdb.history import calibration
from agentdb.history.calibration import (
    Advice,
    Calibration,
    Lesson,
    brier,
    learn,
    log_loss,
    reliability,
)

KINDS = ("create_index", "drop_index", "statistics")
EVIDENCE = ("measured", "estimated", "recalled")

advices = st.builds(
    Advice,
    kind=st.sampled_from((*KINDS, "unheard of")),
    evidence=st.sampled_from(EVIDENCE),
    table_rows=st.floats(0, 1e12),
    confidence=st.floats(0, 1),
    predicted_gain_percent=st.floats(-100, 100),
    names_value=st.booleans(),
)
lessons_learnt = st.lists(st.builds(Lesson, advices, st.floats(-500, 100)), max_size=25)


def followed(seed: int, count: int, offsets: dict[str, float]) -> list[Lesson]:
    """Advice of made-up databases; `offsets` is what a kind's true log odds are off by."""
    random = np.random.default_rng(seed)
    lessons = []
    for _ in range(count):
        kind, evidence = str(random.choice(KINDS)), str(random.choice(EVIDENCE))
        confidence = float(random.uniform(0.3, 0.97))
        odds = log(confidence / (1 - confidence)) + offsets.get(kind, 0.0)
        worth = random.random() < 1 / (1 + exp(-odds))
        advice = Advice(
            kind,
            evidence,
            float(10 ** random.uniform(3, 8)),
            confidence,
            float(random.uniform(20, 99)),
        )
        lessons.append(Lesson(advice, 60.0 if worth else 3.0))
    return lessons


def judged(learnt: Calibration, lessons: list[Lesson]) -> float:
    return brier([(learnt.probability(one.advice), one.was_worth_it) for one in lessons])


NOTHING = learn([])
OVERCONFIDENT = {"drop_index": -2.5}


@given(advices)
def test_without_lessons_the_confidence_is_the_probability(advice: Advice) -> None:
    expected = min(0.999, max(0.001, advice.confidence))
    assert NOTHING.probability(advice) == pytest.approx(expected)


def test_learning_helps_where_one_kind_was_overconfident() -> None:
    """Brier scores on other databases, 20 times: 0.24 before, 0.19 after 60 lessons."""
    held_out = followed(9999, 3000, OVERCONFIDENT)
    before = judged(NOTHING, held_out)
    after = [judged(learn(followed(seed, 60, OVERCONFIDENT)), held_out) for seed in range(20)]
    assert max(after) < before
    assert np.mean(after) < before - 0.04


def test_learning_makes_what_is_said_come_true() -> None:
    held_out = followed(9999, 3000, OVERCONFIDENT)
    learnt = learn(followed(1, 300, OVERCONFIDENT))

    def worst(one: Calibration) -> float:
        pairs = [(one.probability(lesson.advice), lesson.was_worth_it) for lesson in held_out]
        found = reliability(pairs, 5)
        return max(abs(b.predicted - b.observed.value) for b in found if b.observed.trials > 50)

    assert worst(NOTHING) > 0.15
    assert worst(learnt) < 0.1


def test_what_was_right_is_left_alone() -> None:
    held_out = followed(9999, 3000, {})
    before = judged(NOTHING, held_out)
    after = [judged(learn(followed(seed, 60, {})), held_out) for seed in range(20)]
    assert np.mean(after) < before + 0.006


@pytest.mark.parametrize("offsets", [{}, OVERCONFIDENT])
def test_three_lessons_do_not_mislead(offsets: dict[str, float]) -> None:
    held_out = followed(9999, 3000, offsets)
    before = judged(NOTHING, held_out)
    after = [judged(learn(followed(seed, 3, offsets)), held_out) for seed in range(60)]
    assert np.mean(after) < before + 0.003
    assert max(after) < before + 0.02


@given(lessons_learnt, advices, st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_surer_advice_is_more_probable_and_nothing_is_certain(
    lessons: list[Lesson], advice: Advice, confidence: float
) -> None:
    learnt = learn(lessons)
    other = Advice(
        advice.kind,
        advice.evidence,
        advice.table_rows,
        confidence,
        advice.predicted_gain_percent,
        advice.names_value,
    )
    low, high = sorted([advice, other], key=lambda one: one.confidence)
    assert 0 < learnt.probability(low) <= learnt.probability(high) < 1


@given(st.permutations(followed(5, 20, OVERCONFIDENT)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_lessons_does_not_matter(lessons: list[Lesson]) -> None:
    again = learn(followed(5, 20, OVERCONFIDENT))
    assert learn(lessons).weights == pytest.approx(again.weights)


def test_lessons_that_contradict_confidence_do_not_turn_it_round() -> None:
    def lesson(confidence: float, gain: float) -> Lesson:
        return Lesson(Advice("create_index", "measured", 1e5, confidence, 60.0), gain)

    learnt = learn([lesson(0.95, 0.0)] * 200 + [lesson(0.05, 90.0)] * 200)
    assert learnt.weights["slope"] == 0.1


def test_a_kind_that_never_helps_is_hardly_probable() -> None:
    advice = Advice("drop_index", "estimated", 1e5, 0.9, 60.0)
    probabilities = [
        learn([Lesson(advice, 0.0)] * count).probability(advice) for count in (0, 1, 3, 30, 300)
    ]
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[2] > 0.6
    assert probabilities[3] < 0.4
    assert probabilities[4] < 0.1


def test_a_reliability_diagram_has_what_was_said_and_what_came_true() -> None:
    pairs = [(0.05, False), (0.82, True), (0.88, True), (0.84, False), (1.0, True)]
    low, high, sure = reliability(pairs)
    assert (low.predicted, low.observed.value) == (0.05, 0)
    assert high.predicted == pytest.approx((0.82 + 0.88 + 0.84) / 3)
    assert high.observed.value == pytest.approx(2 / 3)
    assert high.observed.low < 2 / 3 < high.observed.high
    assert sure.observed.trials == 1
    assert reliability([]) == ()


def test_a_half_all_the_time_scores_what_is_known() -> None:
    pairs = [(0.5, True), (0.5, False)]
    assert brier(pairs) == 0.25
    assert log_loss(pairs) == pytest.approx(log(2))


def test_the_examples_hold() -> None:
    assert doctest.testmod(calibration).failed == 0
