"""What learning from half of the businesses is worth on the other half; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from agentdb.history.calibration import (
    Advice,
    Bin,
    Lesson,
    Pair,
    learn,
    reliability,
)
from benchmarks.calibration.following import Followed

Array = npt.NDArray[np.float64]
Probability = Callable[[Advice], float]
Way = Callable[[Sequence[Lesson]], Probability]
Interval = tuple[float, float]

SPLITS = 40
_DRAWS = 2_000
_SUREST = 0.999


@dataclass(frozen=True, slots=True)
class Score:
    """How good the probabilities of one way are on businesses that it did not learn from.

    `brier_over_raw` and `log_loss_over_raw` are what it is worse by than the raw confidences;
    intervals are of 95 %, by drawing businesses again. `better` is the share of splits in which
    its Brier score is below that of the raw ones. The bins are those of the first split.
    """

    way: str
    brier: float
    brier_interval: Interval
    brier_over_raw: float
    brier_over_raw_interval: Interval
    log_loss: float
    log_loss_over_raw: float
    log_loss_over_raw_interval: Interval
    better: float
    bins: tuple[Bin, ...]


def raw(_lessons: Sequence[Lesson]) -> Probability:
    """Say what the audit says without outcomes."""
    return lambda advice: _bounded(advice.confidence)


def learnt(lessons: Sequence[Lesson]) -> Probability:
    """Say what agentdb says after these outcomes."""
    return learn(lessons).probability


def shifted(lessons: Sequence[Lesson]) -> Probability:
    """Shift the log odds of all raw confidences alike, so that they fit the lessons in the mean."""
    odds = [_odds(lesson.advice.confidence) for lesson in lessons]
    worth = sum(lesson.was_worth_it for lesson in lessons)
    low, high = -6.0, 6.0
    for _ in range(40):
        middle = (low + high) / 2
        told = sum(1 / (1 + exp(-each - middle)) for each in odds)
        low, high = (middle, high) if told < worth else (low, middle)
    return lambda advice: _bounded(1 / (1 + exp(-_odds(advice.confidence) - low)))


def base_rate(lessons: Sequence[Lesson]) -> Probability:
    """Say of all advice the share that was worth it (Laplace's rule of succession)."""
    share = (sum(lesson.was_worth_it for lesson in lessons) + 1) / (len(lessons) + 2)
    return lambda _advice: share


WAYS: Mapping[str, Way] = {
    "raw": raw,
    "learnt": learnt,
    "shifted": shifted,
    "base rate": base_rate,
}


def judge(followed: Sequence[Followed], seed: int, splits: int = SPLITS) -> tuple[Score, ...]:
    """Return what each way is worth where half of the businesses teach and half are told, in turn.

    Every piece of advice is told once in each split, by what the half without its business taught.
    """
    rng = np.random.default_rng(seed)
    halves = [_halves(followed, rng) for _ in range(splits)]
    said = {
        name: [_cross_fitted(followed, way, half) for half in halves] for name, way in WAYS.items()
    }
    return _scores(followed, said, rng)


def judge_taught(
    taught: Sequence[Followed], followed: Sequence[Followed], seed: int
) -> tuple[Score, ...]:
    """Return what each way is worth on some businesses when it has learnt from others."""
    lessons = [each.lesson for each in taught]
    said = {name: [[way(lessons)(each.advice) for each in followed]] for name, way in WAYS.items()}
    return _scores(followed, said, np.random.default_rng(seed))


def _halves(followed: Sequence[Followed], rng: Generator) -> frozenset[int]:
    seeds = sorted({each.seed for each in followed})
    return frozenset(int(seed) for seed in rng.permutation(seeds)[: len(seeds) // 2])


def _cross_fitted(followed: Sequence[Followed], way: Way, half: frozenset[int]) -> list[float]:
    """Return what is said of each piece of advice by what the other half taught."""
    by_half = {
        side: way([each.lesson for each in followed if (each.seed in half) != side])
        for side in (True, False)
    }
    return [by_half[each.seed in half](each.advice) for each in followed]


def _scores(
    followed: Sequence[Followed], said: Mapping[str, list[list[float]]], rng: Generator
) -> tuple[Score, ...]:
    came_true = [each.lesson.was_worth_it for each in followed]
    resample = _Resample(np.array([each.seed for each in followed]), rng)
    plain = said["raw"]
    return tuple(_score(name, came_true, told, plain, resample) for name, told in said.items())


class _Resample:
    """Businesses drawn again and again, the same ones for each way."""

    def __init__(self, seeds: npt.NDArray[np.int64], rng: Generator) -> None:
        unique = np.unique(seeds)
        self._member = (seeds[:, None] == unique).astype(float)
        self._drawn = rng.multinomial(len(unique), [1 / len(unique)] * len(unique), _DRAWS)

    def interval(self, scores: Array) -> Interval:
        """Return the interval of the mean of scores of advice."""
        sums, sizes = scores @ self._member, self._member.sum(axis=0)
        means = (self._drawn @ sums) / (self._drawn @ sizes)
        low, high = np.quantile(means, (0.025, 0.975))
        return float(low), float(high)


def _score(
    name: str,
    came_true: Sequence[bool],
    told: list[list[float]],
    plain: list[list[float]],
    resample: _Resample,
) -> Score:
    truth = np.array(came_true, dtype=float)
    missed, lost = _squares(told, truth), _surprises(told, truth)
    over = missed - _squares(plain, truth)
    lost_over = lost - _surprises(plain, truth)
    pairs: list[Pair] = list(zip(told[0], came_true, strict=True))
    return Score(
        way=name,
        brier=float(missed.mean()),
        brier_interval=resample.interval(missed.mean(axis=0)),
        brier_over_raw=float(over.mean()),
        brier_over_raw_interval=resample.interval(over.mean(axis=0)),
        log_loss=float(lost.mean()),
        log_loss_over_raw=float(lost_over.mean()),
        log_loss_over_raw_interval=resample.interval(lost_over.mean(axis=0)),
        better=float((over.mean(axis=1) < 0).mean()),
        bins=reliability(pairs, 10),
    )


def _squares(told: list[list[float]], truth: Array) -> Array:
    """Return the terms of the Brier score, a row a split, a column a piece of advice."""
    return np.asarray((np.array(told) - truth) ** 2)


def _surprises(told: list[list[float]], truth: Array) -> Array:
    """Return the terms of the log loss."""
    said = np.array(told)
    return np.asarray(-np.log(np.where(truth == 1, said, 1 - said)))


def _bounded(probability: float) -> float:
    return min(_SUREST, max(1 - _SUREST, probability))


def _odds(confidence: float) -> float:
    sure = _bounded(confidence)
    return log(sure / (1 - sure))
