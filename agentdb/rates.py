"""How sure is a rate? Intervals that hold with few trials, too."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt
from statistics import NormalDist

_QUANTILE = NormalDist().inv_cdf(0.975)  # of intervals of 95 %


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of trials, the 95 % interval that it lies in, and of how many trials it is."""

    value: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How much larger one rate is than another, and the 95 % interval that this lies in."""

    value: float
    low: float
    high: float


def rate(total: float, trials: int) -> Rate | None:
    """Return the rate of `total` successes among `trials`, with Wilson's interval; None of none.

    Wilson's score interval ("Probable inference, the law of succession, and statistical inference",
    J. Am. Stat. Assoc. 22, 1927) is honest with few trials, where the usual mean ± 2 s is not: one
    success of one is a rate of 1 that may be 0.21.

    Also for the mean of marks between 0 and 1, whose sum `total` then is. No marks with that mean
    vary more than all-or-nothing ones, so that the interval is at least as wide as need be.

    >>> rate(9, 10)
    Rate(value=0.9, low=0.5958499732047616, high=0.982123786904927, trials=10)
    """
    if trials == 0:
        return None
    share = min(1.0, max(0.0, total / trials))
    return Rate(share, *_wilson(share, trials), trials)


def difference(one: Rate, other: Rate) -> Difference:
    """Return how much larger `one` is than `other`, with its interval.

    Newcombe's hybrid score interval ("Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17, 1998, method 10), made of the two of Wilson.
    """
    gap = one.value - other.value
    low, high = _wilson(one.value, one.trials)
    other_low, other_high = _wilson(other.value, other.trials)
    down = hypot(one.value - low, other_high - other.value)
    up = hypot(high - one.value, other.value - other_low)
    return Difference(gap, gap - down, gap + up)


def _wilson(share: float, trials: int) -> tuple[float, float]:
    z = _QUANTILE
    shrunk = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrunk
    half = z / shrunk * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # Rounding may not put the share itself outside.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
