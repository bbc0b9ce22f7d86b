"""Many statements over the same days, hour by hour, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from agentdb.history.series import HOUR, StatementSeries, Watched

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

HOURS = 24  # of a day
NORMAL_MEDIAN = 0.6745  # of what lies how far from 0, in standard deviations
_LEANING_CALLS = 10.0  # with which a mean of few calls leans on one of more


@dataclass(frozen=True, slots=True)
class Grid:
    """What statements did: arrays by statement, day and hour of the day; 0 where nothing was seen.

    Days are of 24 hours from the start of the grid on, whatever the clocks on the wall say. All
    that a bucket holds lies in the hour of its middle, so that time and calls stay together;
    `longest` is the length in hours of the longest one there, 0 without any. `counted` are the
    calls again, those of a long bucket spread over the hours it covers.
    """

    calls: Array
    milliseconds: Array
    blocks: Array
    longest: Array
    counted: Array


def lay_out(series: Sequence[StatementSeries], start: datetime, days: int) -> Grid:
    """Return the buckets of many statements that lie in `days` days from `start` on."""
    rows = [_row(one, start, days) for one in series]
    return Grid(
        *(
            np.array([row[part] for row in rows]).reshape(len(rows), days, HOURS)
            for part in range(len(Grid.__slots__))
        )
    )


def _row(one: StatementSeries, start: datetime, days: int) -> tuple[Array, ...]:
    """Return calls, milliseconds, blocks, the longest bucket and spread calls of each hour."""
    begins = np.array([_hours(start, bucket.start) for bucket in one.buckets])
    lengths = np.array([bucket.length / HOUR for bucket in one.buckets])
    calls = np.array([bucket.calls for bucket in one.buckets], dtype=np.float64)
    times = np.array([bucket.milliseconds for bucket in one.buckets], dtype=np.float64)
    blocks = np.array([bucket.blocks for bucket in one.buckets], dtype=np.float64)
    middles, hours = np.floor(begins + lengths / 2).astype(np.intp), days * HOURS
    return (
        _summed(middles, calls, hours),
        _summed(middles, times, hours),
        _summed(middles, blocks, hours),
        _longest(middles, lengths, hours),
        _summed(*_spread(begins, lengths, calls), hours),
    )


def _summed(cells: Places, values: Array, hours: int) -> Array:
    inside = (cells >= 0) & (cells < hours)
    summed = np.bincount(cells[inside], weights=values[inside], minlength=hours)
    return summed.astype(np.float64)


def _longest(cells: Places, lengths: Array, hours: int) -> Array:
    inside = (cells >= 0) & (cells < hours)
    longest = np.zeros(hours)
    np.maximum.at(longest, cells[inside], lengths[inside])
    return longest


def _spread(begins: Array, lengths: Array, calls: Array) -> tuple[Places, Array]:
    """Return the hours that buckets cover, and which part of their calls falls on each."""
    spans = np.maximum(1, np.rint(lengths)).astype(np.intp)
    first = np.floor(begins + lengths / spans / 2).astype(np.intp)
    within = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)
    return np.repeat(first, spans) + within, np.repeat(calls / spans, spans)


def watched_share(watched: Sequence[Watched], start: datetime, days: int) -> Array:
    """Return which share of each hour (by day and hour of the day) was watched."""
    edges = np.arange(days * HOURS + 1, dtype=np.float64)
    share = np.zeros(days * HOURS)
    for stretch in watched:
        begin, end = (_hours(start, at) for at in (stretch.start, stretch.end))
        share += np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin), 0, 1)
    return np.minimum(share, 1).reshape(days, HOURS)


def _hours(start: datetime, at: datetime) -> float:
    """Return the hours between two moments; of one zone `-` would be that of the clocks there."""
    return (at.timestamp() - start.timestamp()) / HOUR.total_seconds()


def median(values: Array) -> Array:
    """Return the median of what is not NaN along the last axis; NaN where there is nothing."""
    ordered = np.sort(values, axis=-1)  # NaN last
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    lower = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    upper = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    return np.asarray((lower + upper)[..., 0] / 2)


def leaning(amounts: Array, calls: Array, on: Array) -> Array:
    """Return means per call that lean on others where there are few calls."""
    return np.asarray((amounts + _LEANING_CALLS * on) / (calls + _LEANING_CALLS))


def beyond(middle: float, errors: Array) -> float:
    """Return the variance of effects beyond what their standard errors let expect, 0 at least.

    Half of the effects lie within `middle` of what they have in common. A random effect by moments,
    of medians (DerSimonian and Laird 1986, "Meta-analysis in Clinical Trials").
    """
    return max(0.0, (middle / NORMAL_MEDIAN) ** 2 - float(np.median(errors**2)))


def logarithm(values: Array) -> Array:
    """Return the natural logarithm, NaN of what is not above 0."""
    return np.log(np.where(values > 0, values, np.nan))


def ratio(one: Array, other: Array) -> Array:
    """Return one by the other, NaN where the other is not above 0."""
    return one / np.where(other > 0, other, np.nan)
