"""Student's t: how surprising a difference is, and how far an interval reaches."""

from __future__ import annotations

from functools import lru_cache
from math import atan, cos, pi, sin, sqrt

_FURTHEST = 1e4  # the 97.5 % quantile for one degree of freedom is 12.7


def surprise(t: float, freedom: int) -> float:
    """Return the two-sided probability of a t at least as far from 0, by nothing but chance.

    Exact for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4); cut others down.

    >>> round(surprise(2.571, 5), 3)
    0.05
    """
    angle = atan(abs(t) / sqrt(freedom))
    if freedom % 2:
        inner = angle + sin(angle) * cos(angle) * _terms(angle, range(2, freedom - 1, 2))
        within = 2 / pi * (inner if freedom > 1 else angle)
    else:
        within = sin(angle) * _terms(angle, range(1, freedom - 2, 2))
    return min(1.0, max(0.0, 1 - within))


def _terms(angle: float, numerators: range) -> float:
    """Return 1 + n/(n+1) cos² + n/(n+1) (n+2)/(n+3) cos⁴ + … of the angle."""
    term = total = 1.0
    for numerator in numerators:
        term *= numerator / (numerator + 1) * cos(angle) ** 2
        total += term
    return total


@lru_cache(maxsize=256)
def reach(freedom: int, outside: float = 0.05) -> float:
    """Return how many standard errors an interval reaches that misses with probability `outside`.

    >>> round(reach(5), 3)
    2.571
    """
    low, high = 0.0, _FURTHEST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if surprise(middle, freedom) > outside else (low, middle)
    return high
