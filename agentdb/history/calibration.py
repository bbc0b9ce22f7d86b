"""How likely is it that advice helps? Learnt from what became of earlier advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """What is known of a piece of advice before it is followed."""

    kind: str
    evidence: str
    table_rows: float
    confidence: float
    predicted_gain_percent: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """A piece of advice that was followed, and what it brought."""

    advice: Advice
    realised_gain_percent: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was learnt; with no lessons, the confidence itself."""

    def probability(self, advice: Advice) -> float:
        """Return the probability that the gain will be at least 20 %."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Bin:
    """Advice with much the same probability: what was said, and what came true."""

    predicted: float
    observed: float
    low: float
    high: float
    count: int


def learn(lessons: Sequence[Lesson]) -> Calibration:
    """Return what lessons teach."""
    raise NotImplementedError


def brier(pairs: Sequence[tuple[float, bool]]) -> float:
    """Return the mean squared distance of probabilities from what came true."""
    raise NotImplementedError


def reliability(pairs: Sequence[tuple[float, bool]], bins: int = 10) -> tuple[Bin, ...]:
    """Return what was said and what came true, by probability."""
    raise NotImplementedError
