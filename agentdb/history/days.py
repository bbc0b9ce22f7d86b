"""Days before and after a change, hour by hour: ratios, what others did, and the interval.

Ratios are observed over expected, as in `weeks`: the time that a day's calls took over the time
that as many calls at the same hours took before the change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agentdb.history.figures import Figure
from agentdb.history.grid import HOURS, Array, Grid, beyond, leaning, logarithm, ratio
from agentdb.history.student import reach

_WEEK = 7
_LEAST_SCATTER = 0.05  # of a control's days, so that no control has all the say
_DAYS_TO_TEMPER = 7  # days that allow to leave the extreme ones aside
_LARGEST_CORRELATION = 0.8
_CONTROLS_TO_DIFFER = 5  # fewer cannot tell
_LEAST_ERROR = 0.005  # no difference is known to better than half a percent


@dataclass(frozen=True, slots=True)
class Days:
    """Logarithms of observed over expected by statement and day, before and after a change.

    NaN on a day without calls. `before_total` is the amount before, by statement.
    """

    before: Array
    after: Array
    before_total: Array


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much a logarithm changed, its standard error, and the degrees of freedom of that."""

    log: float
    error: float
    freedom: int

    def but_for(self, doubt: float) -> Difference:
        """Return it with a doubt, in standard deviations, that more days do not dispel."""
        return replace(self, error=float(np.hypot(self.error, doubt)))

    @property
    def interval(self) -> Figure:
        """The difference with Student's interval."""
        off = reach(self.freedom) * self.error
        return Figure(self.log, self.log - off, self.log + off)


def standardise(before: Grid, after: Grid, apart: int) -> Days:
    """Return how much more time each day's calls took than as many took before the change.

    `apart` are the hours from the beginning of the one grid to that of the other.
    """
    usual = _usual(before)
    return Days(
        _logs(before, usual, 0),
        _logs(after, usual, apart),
        np.asarray(before.milliseconds.sum(axis=(1, 2))),
    )


def _usual(grid: Grid) -> Array:
    """Return the mean per call of each statement at each hour of the week, by the days before.

    An hour of the week with few calls leans on that hour of all days, and this on all hours.
    """
    calls, times = _by_week(grid.calls), _by_week(grid.milliseconds)
    overall = ratio(times.sum(axis=(1, 2, 3)), calls.sum(axis=(1, 2, 3)))[:, None]
    hours = leaning(times.sum(axis=(1, 2)), calls.sum(axis=(1, 2)), overall)
    week = leaning(times.sum(axis=1), calls.sum(axis=1), hours[:, None])
    return week.reshape(len(week), _WEEK * HOURS)


def _by_week(values: Array) -> Array:
    """Return values by statement, week, day and hour; the last week filled up with 0."""
    statements, days, _ = values.shape
    filled = np.pad(values, ((0, 0), (0, -days % _WEEK), (0, 0)))
    return filled.reshape(statements, -(-days // _WEEK), _WEEK, HOURS)


def _logs(grid: Grid, usual: Array, apart: int) -> Array:
    hours = (apart + np.arange(grid.calls.shape[1] * HOURS)) % (_WEEK * HOURS)
    expected = (grid.calls * usual[:, hours].reshape(grid.calls.shape)).sum(axis=2)
    return logarithm(ratio(grid.milliseconds.sum(axis=2), expected))


def together(days: Days) -> tuple[Array, Array]:
    """Return the log ratio of many statements together, by day before and after.

    Each weighs what it took before, whatever it is called later: a change of mix is no effect.
    On a day without calls a statement counts as on its other days.
    """
    weights = days.before_total / days.before_total.sum()
    return _weighed(days.before, weights), _weighed(days.after, weights)


def _weighed(logs: Array, weights: Array) -> Array:
    known = np.isfinite(logs)
    means = ratio(np.nansum(logs, axis=1), known.sum(axis=1).astype(np.float64))
    filled = np.where(known, logs, means[:, None])
    return np.where(known.any(axis=0), logarithm(weights @ np.exp(filled)), np.nan)


def meanwhile(controls: Days) -> tuple[Array, Array]:
    """Return what the controls did, by day: their weighted median, 0 on a day without any.

    A median, so that a control which changed for reasons of its own does not count; weighted by
    how little its days scatter.
    """
    centred = controls.before - np.nan_to_num(_means(controls.before))[:, None]
    variances = np.nan_to_num(_means(centred**2))
    weights = 1 / (variances + _LEAST_SCATTER**2)
    return _weighted_medians(controls.before, weights), _weighted_medians(controls.after, weights)


def unlike(controls: Days, before: Array, after: Array) -> float:
    """Return how unlike each other the controls changed, in standard deviations of logarithms.

    A slower machine costs some statements more than others, and each changes for reasons of its
    own, too: what the treated would have done without the change is known no better than that. How
    far the controls' changes lie from what all of them did (`before` and `after`), beyond what
    their errors let expect (`grid.beyond`).
    """
    changes = [
        differ(own_before - before, own_after - after)
        for own_before, own_after in zip(controls.before, controls.after, strict=True)
    ]
    known = [change for change in changes if change is not None]
    if len(known) < _CONTROLS_TO_DIFFER:
        return 0.0
    apart = float(np.median([abs(change.log) for change in known]))
    return float(np.sqrt(beyond(apart, np.array([change.error for change in known]))))


def _means(values: Array) -> Array:
    return ratio(np.nansum(values, axis=1), np.isfinite(values).sum(axis=1).astype(np.float64))


def _weighted_medians(logs: Array, weights: Array) -> Array:
    """Return the weighted median of each column, 0 where there is nothing."""
    return np.array([_weighted_median(day, weights) for day in logs.T])


def _weighted_median(values: Array, weights: Array) -> float:
    """Return the value half of the weight lies below and half above, between two if need be."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) == 0:
        return 0.0
    order = known[np.argsort(values[known])]
    middles = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(weights[order].sum() / 2, middles, values[order]))


def differ(before: Array, after: Array) -> Difference | None:
    """Return how much higher the days after lie than the days before; None with too few days.

    Means of days, of seven or more the highest and the lowest taken for their neighbours, with that
    mean's error (Tukey and McLaughlin 1963). Days follow each other: with a correlation r of one
    day with the next (of both sides together, made up for its bias in short series: Marriott and
    Pope 1954) n days tell as much as n (1 - r) / (1 + r) that do not (Zwiers and von Storch 1995,
    "Taking Serial Correlation into Account in Tests of the Mean"). Then Welch's t for unequal
    variances. Blocks drawn with replacement (bootstrap) are no way out with two weeks: there are
    too few of them, and their intervals are too short.
    """
    sides = [side[np.isfinite(side)] for side in (before, after)]
    if min(len(side) for side in sides) < 2:  # noqa: PLR2004  one day says nothing of days
        return None
    correlation = _correlation(before, after)
    (low, low_error, low_days), (high, high_error, high_days) = (
        _mean(side, correlation) for side in sides
    )
    squares = low_error + high_error
    doubts = low_error**2 / (low_days - 1) + high_error**2 / (high_days - 1)
    freedom = squares**2 / doubts if doubts > 0 else low_days + high_days - 2
    return Difference(high - low, max(float(np.sqrt(squares)), _LEAST_ERROR), max(1, int(freedom)))


def _mean(days: Array, correlation: float) -> tuple[float, float, float]:
    """Return the tempered mean, the square of its error, and how many free days it stands on."""
    count = len(days)
    tempered = np.sort(days)
    lost = 0
    if count >= _DAYS_TO_TEMPER:
        tempered = np.clip(days, tempered[1], tempered[-2])
        lost = 2
    free = max(2.0, count * (1 - correlation) / (1 + correlation))
    square = float(np.var(tempered, ddof=1)) / free * (count / (count - lost)) ** 2
    return float(tempered.mean()), square, max(2.0, free - lost * free / count)


def _correlation(before: Array, after: Array) -> float:
    """Return the correlation of a day with the next one, not below 0."""
    centred = [side - np.nanmean(side) for side in (before, after)]
    together = sum(float(np.nansum(side[1:] * side[:-1])) for side in centred)
    squares = sum(float(np.nansum(side**2)) for side in centred)
    days = sum(int(np.isfinite(side).sum()) for side in centred)
    found = together / squares if squares > 0 else 0.0
    return min(_LARGEST_CORRELATION, max(0.0, found + (1 + 4 * found) * 2 / days))
