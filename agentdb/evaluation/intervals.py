"""How sure is a mean? Intervals by resampling whole groups of questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RESAMPLES = 10_000
_SEED = 20_240_229
_CELLS = 4_000_000  # of one batch of resamples: 32 MB


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval; no interval when there are fewer than two groups."""

    value: float
    low: float | None
    high: float | None


def estimates(
    values: Array, groups: Sequence[str | None], members: npt.NDArray[np.bool_]
) -> tuple[tuple[Estimate, ...], ...]:
    """Return for each part of the questions the mean of each column, with a 95 % interval.

    `values` has a row for each question; `groups` names the group of each (None stands for
    itself); `members` has a row for each question and a column for each part: is it in there?
    Every part has at least one question.

    Questions of one conversation are not independent, so whole groups are drawn with
    replacement, all their questions with them (the pairs cluster bootstrap: Cameron, Gelbach
    and Miller 2008, "Bootstrap-Based Improvements for Inference with Clustered Errors"). The
    mean is over questions: a group weighs what it holds, and a resample without a question of
    a part says nothing about it. The interval is the percentile interval, expanded for few
    groups: its ends are the quantiles Φ(∓ t √(G / (G - 1))), G being the groups of the part and
    t Student's 97.5 % for G - 1 degrees of freedom (Hesterberg 2014, "What Teachers Should Know
    about the Bootstrap"). The seed is fixed: the same values give the same interval. For the
    difference of two systems, give the differences of their values, question by question: that
    pairs them.

    In a simulation with recall that differs between conversations by 8 points, the interval held
    the truth in 95 % of the cases with 7 and with 10 groups (drawing questions: 55 %), but in
    87 % with 4 and 74 % with 3: with so few groups, read it as too narrow.
    """
    index = _numbered(groups)
    sums, counts = _totals(values, index, members)
    means = sums.sum(axis=0) / counts.sum(axis=0)[:, None]
    drawn = _resampled_means(sums, counts)
    present = (counts > 0).sum(axis=0)
    return tuple(_part(means[part], drawn[:, part], present[part]) for part in range(len(present)))


def _numbered(groups: Sequence[str | None]) -> npt.NDArray[np.intp]:
    """Return the number of the group of each question, in order of appearance."""
    numbers: dict[str | int, int] = {}
    keys: list[str | int] = [
        place if group is None else group for place, group in enumerate(groups)
    ]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)


def _totals(
    values: Array, index: npt.NDArray[np.intp], members: npt.NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Return sums (group, part, column) of the values and counts (group, part) of questions."""
    groups, parts = int(index.max()) + 1, members.shape[1]
    sums = np.zeros((groups, parts, values.shape[1]))
    counts = np.zeros((groups, parts))
    np.add.at(sums, index, members[:, :, None] * values[:, None, :])
    np.add.at(counts, index, members)
    return sums, counts


def _resampled_means(sums: Array, counts: Array) -> Array:
    """Return the means (resample, part, column); NaN where a resample misses a part."""
    groups, parts, columns = sums.shape
    batches = [
        (weights @ sums.reshape(groups, -1)).reshape(-1, parts, columns)
        / _or_nan(weights @ counts)[:, :, None]
        for weights in _weights(groups)
    ]
    return np.concatenate(batches)


def _or_nan(counts: Array) -> Array:
    return np.where(counts > 0, counts, np.nan)


def _weights(groups: int) -> Iterator[Array]:
    """Yield batches of resamples: how often each group (column) was drawn."""
    random = np.random.default_rng(_SEED)
    batch = max(1, _CELLS // groups)
    for start in range(0, RESAMPLES, batch):
        rows = min(batch, RESAMPLES - start)
        drawn = random.integers(groups, size=(rows, groups)) + groups * np.arange(rows)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * groups)
        yield weights.reshape(rows, groups).astype(np.float64)


def _part(means: Array, drawn: Array, groups: int) -> tuple[Estimate, ...]:
    if groups < 2:  # noqa: PLR2004  one group says nothing about how groups differ
        return tuple(Estimate(float(mean), None, None) for mean in means)
    below = tail(groups)
    ends = np.nanquantile(drawn, [below, 1 - below], axis=0)
    return tuple(
        Estimate(float(mean), float(low), float(high))
        for mean, low, high in zip(means, *ends, strict=True)
    )


def tail(groups: int) -> float:
    """Return the share of the resamples below an interval of 95 %, expanded for few groups."""
    return NormalDist().cdf(-_student(groups - 1) * sqrt(groups / (groups - 1)))


def _student(freedom: int) -> float:
    """Return Student's 97.5 % quantile (Abramowitz and Stegun 26.7.5).

    From 6 degrees of freedom on it is good to 0.1 %; with 1 it is 10 instead of 13, where the
    interval takes in every resample anyhow.
    """
    z = NormalDist().inv_cdf(0.975)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / float(freedom) ** power for power, term in enumerate(terms))
