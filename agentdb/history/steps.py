"""Weeks before a known change, where it made a difference, are another statement's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from agentdb.history.events import CatalogEvent
from agentdb.history.grid import Array, Mask, Places, logarithm, ratio
from agentdb.history.series import StatementSeries
from agentdb.history.weeks import Weeks, shared, standardise

_WEEK = timedelta(weeks=1)
_STEP = float(np.log(1.5))  # of time per call: what a plan does, and noise of weeks hardly


def known_changes(
    series: Sequence[StatementSeries], events: Iterable[CatalogEvent], now: datetime, weeks: int
) -> Mask:
    """Tell, by statement and week (the last one last), when something changed that plans depend on.

    An index on its tables came or went, or a setting or the server's version changed.
    """
    changed = np.zeros((len(series), weeks), dtype=np.bool_)
    for event in events:
        week = weeks - 1 - (now - event.at) // _WEEK
        if 0 <= week < weeks:
            changed[:, week] |= np.array([_concerns(event, one) for one in series])
    return changed


def _concerns(event: CatalogEvent, one: StatementSeries) -> bool:
    if event.definition is not None:
        return f"{event.schema}.{event.table}" in one.tables
    return event.kind in ("setting_changed", "version_changed")


def since_the_last_step(weeks: Weeks, changed: Mask, least_weeks: int) -> Weeks:
    """Return what each statement did since the last change before the last week that mattered.

    One with time per call, less what the machine did, in each week afterwards at least half as much
    again as in any week before, or a third less: what comes and goes with the season is no step.
    The weeks afterwards, `least_weeks` of them, end with the next change that leaves so many. The
    week of a change belongs to neither.
    """
    before = changed[:, :-1]
    if not before.any():
        return weeks
    logs, kept = _per_call(weeks)[:, :-1], np.ones(changed.shape, dtype=np.bool_)
    for statement in np.flatnonzero(before.any(axis=1)):
        begin = _begin(logs[statement], np.flatnonzero(before[statement]), least_weeks)
        kept[statement, :begin] = False
    mask = kept[:, :, None, None]
    return replace(
        weeks,
        calls=weeks.calls * mask,
        milliseconds=weeks.milliseconds * mask,
        blocks=weeks.blocks * mask,
    )


def _per_call(weeks: Weeks) -> Array:
    """Return the log of time per call by statement and week, less what the machine did."""
    times = standardise(weeks.calls, weeks.milliseconds)
    machine = shared(times, standardise(weeks.calls, weeks.blocks))
    spent = weeks.milliseconds.sum(axis=3)
    alone = spent if machine is None else spent / np.exp(np.nan_to_num(machine))
    return logarithm(ratio(alone.sum(axis=2), weeks.calls.sum(axis=(2, 3))))


def _begin(logs: Array, changes: Places, least_weeks: int) -> int:
    """Return the first week since which a statement is what it is now."""
    begin = 0
    for place, change in enumerate(changes):
        following = _following(changes[place:], least_weeks, len(logs))
        if _is_step(logs[begin:change], logs[change + 1 : following], least_weeks):
            begin = change + 1
    return begin


def _following(changes: Places, least_weeks: int, end: int) -> int:
    """Return the week of the next change with enough weeks before it, or the end.

    What a change did shows in the weeks after it, also where another one came too soon to leave
    enough of them.

    >>> _following(np.array([1, 3, 8]), 2, 9)
    8
    """
    apart = (later for one, later in pairwise(changes) if later - one > least_weeks)
    return int(next(apart, end))


def _is_step(before: Array, after: Array, least_weeks: int) -> bool:
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) == 0 or len(after) < least_weeks:
        return False
    return bool(max(after.min() - before.max(), before.min() - after.max()) >= _STEP)
