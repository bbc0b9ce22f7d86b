"""Weeks before a known change, where it made a difference, are another statement's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from agentdb.history.events import CatalogEvent
from agentdb.history.grid import Mask, logarithm, median, ratio
from agentdb.history.series import StatementSeries
from agentdb.history.weeks import Weeks

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

    One with time per call at least half as much again afterwards, or a third less: the middle week
    on either side. The week of the change belongs to neither. Where fewer than `least_weeks` would
    remain, all remain.
    """
    kept = np.ones(changed.shape, dtype=np.bool_)
    called = weeks.calls.sum(axis=(2, 3))
    logs = logarithm(ratio(weeks.milliseconds.sum(axis=(2, 3)), called))[:, :-1]
    for statement, week in zip(*np.nonzero(changed[:, :-1]), strict=True):
        before, after = logs[statement, :week], logs[statement, week + 1 :]
        enough = np.isfinite(before).any() and np.isfinite(after).sum() >= least_weeks
        if enough and abs(median(after) - median(before)) >= _STEP:
            kept[statement, : week + 1] = False
    mask = kept[:, :, None, None]
    return replace(
        weeks,
        calls=weeks.calls * mask,
        milliseconds=weeks.milliseconds * mask,
        blocks=weeks.blocks * mask,
    )
