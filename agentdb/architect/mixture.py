"""In which proportion are the calls of a statement sent? As their mean was observed to be; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_HALVINGS = 60
_STEEPEST = 1e6


@dataclass(frozen=True, slots=True)
class Observed:
    """A mean that was observed of all calls, and by how much it may be off (standard deviation)."""

    mean: float
    deviation: float


def tilted(shares: Sequence[float], amounts: Sequence[float], observed: Observed) -> list[float]:
    """Return shares, which sum to 1, whose mean amount is as observed, changed as little as can be.

    Exponential tilting: of all proportions that have the mean, those nearest by relative entropy
    (Jaynes, "Information theory and statistical mechanics", Physical Review 106, 1957; Csiszar,
    "I-divergence geometry", Annals of Probability 3, 1975). The mean is known with an error, so
    what lies within it is hardly changed, and a mean that no proportion has is only approached.
    One share at least is above 0; what has none gets none.
    """
    low, high = -_STEEPEST, _STEEPEST
    scaled = [(amount - observed.mean) / observed.deviation for amount in amounts]
    for _ in range(_HALVINGS):
        slope = (low + high) / 2
        if slope + _mean(_shares(shares, scaled, slope), scaled) > 0:
            high = slope
        else:
            low = slope
    return _shares(shares, scaled, (low + high) / 2)


def _shares(shares: Sequence[float], scaled: Sequence[float], slope: float) -> list[float]:
    powers = [slope * amount for amount in scaled]
    highest = max(power for share, power in zip(shares, powers, strict=True) if share > 0)
    weights = [
        share * math.exp(min(power - highest, 0.0))  # above it is only what has no share
        for share, power in zip(shares, powers, strict=True)
    ]
    total = sum(weights)
    return [weight / total for weight in weights]


def _mean(shares: Sequence[float], scaled: Sequence[float]) -> float:
    return sum(share * amount for share, amount in zip(shares, scaled, strict=True))
