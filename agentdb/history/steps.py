"""Weeks before a change that made a difference are another statement's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from agentdb.history.events import CatalogEvent
from agentdb.history.grid import Array, Mask, Places, logarithm, ratio
from agentdb.history.series import StatementSeries
from agentdb.history.weeks import Weeks, shared, standardise

_WEEK = timedelta(weeks=1)
_STEP = float(np.log(1.5))  # of time per call: what a plan does, and noise of weeks hardly
_CLEAR = 3.0  # times as far apart as weeks swing: those of noise hardly are


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

    Not all that plans depend on is in the catalog's history: what the planner's statistics say is
    not. So where blocks per call turn, something changed, too. It mattered if both they and the
    time lie so far apart, and three times as far as weeks before or afterwards among themselves,
    until the next known change or the last week. Nobody who waits reads other blocks.
    """
    known, work = changed[:, :-1], _work_per_call(weeks)[:, :-1]
    turned = _turns(work)
    some = np.flatnonzero((known | turned).any(axis=1))
    if len(some) == 0:
        return weeks
    times, kept = _time_per_call(weeks)[:, :-1], np.ones(changed.shape, dtype=np.bool_)
    for place in some:
        course = _Course(times[place], work[place], known[place], turned[place])
        kept[place, : course.begin(least_weeks)] = False
    mask = kept[:, :, None, None]
    return replace(
        weeks,
        calls=weeks.calls * mask,
        milliseconds=weeks.milliseconds * mask,
        blocks=weeks.blocks * mask,
    )


def _time_per_call(weeks: Weeks) -> Array:
    """Return the log of time per call by statement and week, less what the machine did."""
    times = standardise(weeks.calls, weeks.milliseconds)
    machine = shared(times, standardise(weeks.calls, weeks.blocks))
    spent = weeks.milliseconds.sum(axis=3)
    alone = spent if machine is None else spent / np.exp(np.nan_to_num(machine))
    return logarithm(ratio(alone.sum(axis=2), weeks.calls.sum(axis=(2, 3))))


def _work_per_call(weeks: Weeks) -> Array:
    """Return the log of blocks per call by statement and week."""
    return logarithm(ratio(weeks.blocks.sum(axis=(2, 3)), weeks.calls.sum(axis=(2, 3))))


def _turns(work: Array) -> Mask:
    """Tell in which weeks blocks per call are others than in the last week before with any.

    >>> _turns(np.log([[40, 41, np.nan, 400, 400]])).tolist()
    [[False, False, False, True, False]]
    """
    turned, last = np.zeros(work.shape, dtype=np.bool_), work[:, 0]
    for week in range(1, work.shape[1]):
        turned[:, week] = np.abs(work[:, week] - last) >= _STEP
        last = np.where(np.isfinite(work[:, week]), work[:, week], last)
    return turned


@dataclass(frozen=True, slots=True)
class _Course:
    """One statement in the weeks before the last: logs of time and blocks per call, and changes."""

    times: Array
    work: Array
    known: Mask
    turned: Mask

    def begin(self, least_weeks: int) -> int:
        """Return the first week since which the statement is what it is now."""
        begin = 0
        for week in np.flatnonzero(self.known | self.turned):
            after = slice(week + 1, self._following(int(week), least_weeks))
            if self._mattered(int(week), slice(begin, week), after, least_weeks):
                begin = int(week) + 1
        return begin

    def _following(self, week: int, least_weeks: int) -> int:
        """Return the week of the next known change that leaves enough weeks, or the end."""
        later = np.flatnonzero(self.known[week + 1 :]) + week + 1
        return _leaving(np.append(week, later), least_weeks, len(self.known))

    def _mattered(self, week: int, before: slice, after: slice, least_weeks: int) -> bool:
        if self.known[week]:
            return _is_step(self.times[before], self.times[after], least_weeks)
        both = self.times, self.work
        return all(_is_step(one[before], one[after], least_weeks, _CLEAR) for one in both)


def _leaving(changes: Places, least_weeks: int, end: int) -> int:
    """Return the week of the next change with enough weeks before it, or the end.

    What a change did shows in the weeks after it, also where another one came too soon to leave
    enough of them.

    >>> _leaving(np.array([1, 3, 8]), 2, 9)
    8
    """
    apart = (later for one, later in pairwise(changes) if later - one > least_weeks)
    return int(next(apart, end))


def _is_step(before: Array, after: Array, least_weeks: int, clear: float = 0.0) -> bool:
    """Tell whether all weeks afterwards lie on one side of all before, and `clear` of them.

    That is so many times as far as the weeks of either side lie apart among themselves.
    """
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) == 0 or len(after) < least_weeks:
        return False
    gap = max(after.min() - before.max(), before.min() - after.max())
    swing = max(np.ptp(before), np.ptp(after))
    return bool(gap >= max(_STEP, clear * swing))
