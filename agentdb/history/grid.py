"""Many statements over the same days, hour by hour, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from agentdb.history.series import HOUR, StatementSeries, Watched

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

HOURS = 24  # of a day


@dataclass(frozen=True, slots=True)
class Grid:
    """What statements did: arrays by statement, day and hour of the day; 0 where nothing was seen.

    Days are of 24 hours from the start of the grid on, whatever the clocks on the wall say. A
    bucket lies in the hour of its middle; `longest` (by statement and day) is the length in hours
    of the longest one, 0 where there is none.
    """

    calls: Array
    milliseconds: Array
    blocks: Array
    longest: Array


def lay_out(series: Sequence[StatementSeries], start: datetime, days: int) -> Grid:
    """Return the buckets of many statements that lie in `days` days from `start` on."""
    rows = [_row(one, start, days) for one in series]
    calls, milliseconds, blocks = (
        np.array([row[part] for row in rows]).reshape(len(rows), days, HOURS) for part in range(3)
    )
    longest = np.array([row[3] for row in rows]).reshape(len(rows), days, HOURS).max(axis=2)
    return Grid(calls, milliseconds, blocks, longest)


def _row(one: StatementSeries, start: datetime, days: int) -> tuple[Array, Array, Array, Array]:
    """Return calls, milliseconds, blocks and longest bucket of each hour."""
    origin = start.timestamp()
    lengths = np.array([bucket.length / HOUR for bucket in one.buckets])
    begins = np.array([bucket.start.timestamp() for bucket in one.buckets])
    cells = np.floor((begins - origin) / HOUR.total_seconds() + lengths / 2).astype(np.intp)
    inside = (cells >= 0) & (cells < days * HOURS)
    values = (
        np.array([bucket.calls for bucket in one.buckets], dtype=np.float64),
        np.array([bucket.milliseconds for bucket in one.buckets], dtype=np.float64),
        np.array([bucket.blocks for bucket in one.buckets], dtype=np.float64),
    )
    summed = [_summed(cells[inside], value[inside], days) for value in values]
    longest = np.zeros(days * HOURS)
    np.maximum.at(longest, cells[inside], lengths[inside])
    return summed[0], summed[1], summed[2], longest


def _summed(cells: npt.NDArray[np.intp], values: Array, days: int) -> Array:
    return np.bincount(cells, weights=values, minlength=days * HOURS).astype(np.float64)


def watched_share(watched: Sequence[Watched], start: datetime, days: int) -> Array:
    """Return which share of each hour (by day and hour of the day) was watched."""
    edges = np.arange(days * HOURS + 1, dtype=np.float64)
    share = np.zeros(days * HOURS)
    for stretch in watched:
        begin, end = ((at - start) / timedelta(hours=1) for at in (stretch.start, stretch.end))
        share += np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin), 0, 1)
    return np.minimum(share, 1).reshape(days, HOURS)


def median(values: Array) -> Array:
    """Return the median of what is not NaN along the last axis; NaN where there is nothing."""
    ordered = np.sort(values, axis=-1)  # NaN last
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    lower = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    upper = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    return np.asarray((lower + upper)[..., 0] / 2)


def logarithm(values: Array) -> Array:
    """Return the natural logarithm, NaN of what is not above 0."""
    return np.log(np.where(values > 0, values, np.nan))


def ratio(one: Array, other: Array) -> Array:
    """Return one by the other, NaN where the other is not above 0."""
    return one / np.where(other > 0, other, np.nan)
