"""In which proportion are the calls of a statement sent? As their means were observed; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

_STEPS = 100
_STANDS = 1e-9  # a step that gains less
_SMALLEST = 1e-12  # part of a step: below it rounding decides
_SUFFICIENT = 1e-4  # of what a step would gain if the slope stayed


@dataclass(frozen=True, slots=True)
class Observed:
    """A mean that was observed of all calls, by how much it may be off, and what each call does.

    The deviation is a standard deviation in the unit of the amounts, above 0.
    """

    amounts: Sequence[float]
    mean: float
    deviation: float


def tilted(shares: Sequence[float], *observed: Observed) -> list[float]:
    """Return shares that sum to 1, with mean amounts as observed, changed as little as can be.

    Exponential tilting: of all proportions that have the means, those nearest by relative entropy
    (Jaynes, "Information theory and statistical mechanics", Physical Review 106, 1957; Csiszar,
    "I-divergence geometry", Annals of Probability 3, 1975). A mean is known with an error, so
    what lies within it is hardly changed, and means that no proportion has are only approached.
    One share at least is above 0; what has none gets none.
    """
    given = np.array(shares, dtype=np.float64)
    sent = given > 0
    amounts = np.array([_in_deviations(each) for each in observed])[:, sent]
    found = np.zeros_like(given)
    found[sent] = _at_its_lowest(np.log(given[sent]), amounts)
    return [float(share) for share in found]


def _in_deviations(observed: Observed) -> Array:
    amounts = np.array(observed.amounts, dtype=np.float64)
    return (amounts - observed.mean) / observed.deviation


def _at_its_lowest(logs: Array, amounts: Array) -> Array:
    """Return the shares where the dual, which is convex, is lowest: Newton's method, damped."""
    slopes = np.zeros(len(amounts))
    value, shares = _dual(logs, amounts, slopes)
    for _ in range(_STEPS):
        means = amounts @ shares
        gradient = slopes + means
        spread = (amounts * shares) @ amounts.T - np.outer(means, means)
        step = np.linalg.solve(np.eye(len(slopes)) + spread, gradient)
        gain, size = float(gradient @ step), 1.0
        if gain < _STANDS:
            break
        tried = _dual(logs, amounts, slopes - step)
        while tried[0] > value - _SUFFICIENT * size * gain and size > _SMALLEST:
            size /= 2
            tried = _dual(logs, amounts, slopes - size * step)
        slopes = slopes - size * step
        value, shares = tried
    return shares


def _dual(logs: Array, amounts: Array, slopes: Array) -> tuple[float, Array]:
    """Return the dual's value at some slopes, and the shares that they make."""
    powers = logs + slopes @ amounts
    highest = powers.max()
    weights = np.exp(powers - highest)
    total = weights.sum()
    return float(highest + np.log(total) + slopes @ slopes / 2), weights / total
