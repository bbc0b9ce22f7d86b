"""Bounds for `<`, `>` and BETWEEN, and intervals back from now, out of a histogram."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime

from agentdb.target.catalog import Column, Histogram
from agentdb.target.parameters.spreads import order_key
from agentdb.target.parameters.themes import Theme

_WAYS_BACK_DAYS = (1, 7, 30, 90, 180, 365)


def ordered(column: Column, spread: Histogram) -> Sequence[str]:
    """Return values of a column in its order, cutting it into parts of about equal size."""
    return spread.bounds or sorted(spread.common, key=order_key(column))


def window(bounds: Sequence[str], theme: Theme) -> tuple[str, str]:
    """Return two values that hold about `theme.share` of the rows between them."""
    last = len(bounds) - 1
    width = max(1, round(theme.share * last))
    start = last - width if theme.recent else last // 2
    return bounds[max(start, 0)], bounds[min(max(start, 0) + width, last)]


def upper_alone(bounds: Sequence[str], theme: Theme) -> str:
    """Return a bound for `x < $1` alone: few rows below it, or half of them."""
    last = len(bounds) - 1
    return bounds[min(max(1, round(theme.share * last)), last) if theme.recent else last // 2]


def around(column: Column, bounds: Sequence[str], text: str) -> tuple[str, str]:
    """Return a value and the next bound above it."""
    key = order_key(column)
    place = bisect_left([key(bound) for bound in bounds], key(text))
    return text, bounds[min(place + 1, len(bounds) - 1)]


def share_above(column: Column, bounds: Sequence[str], text: str) -> float:
    """Return the share of rows (0 to 1) above a value, to the width of one bucket."""
    key = order_key(column)
    place = bisect_left([key(bound) for bound in bounds], key(text))
    return 1 - min(place, len(bounds) - 1) / max(len(bounds) - 1, 1)


def days_back(bounds: Sequence[str], theme: Theme, now: datetime) -> int:
    """Return how many days back people would ask for, so that some rows are found.

    A day, a week, a month…: the usual one of the theme, unless the newest rows are older.
    """
    start = _moment(window(bounds, theme)[0]) if bounds else None
    newest = _moment(bounds[-1]) if bounds else None
    if start is None or newest is None or (now - newest).days < theme.days:
        return theme.days
    age = (now - start).days
    return next((days for days in _WAYS_BACK_DAYS if days > age), age + 1)  # old: to the day


def _moment(text: str) -> datetime | None:
    """Return a moment for a date or timestamp as Postgres prints it; None for `infinity`."""
    found = re.match(r"\d{4}-\d\d-\d\d", text)
    if found is None:
        return None
    day = date.fromisoformat(found[0])
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
