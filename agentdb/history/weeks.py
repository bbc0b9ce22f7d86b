"""Weeks of many statements, each against the others, hour by hour: ratios, and their noise.

A ratio is *observed over expected*: the time that a day's calls took, over the time that as many
calls at the same hours of the week took in other weeks (indirect standardisation, as of mortality:
Breslow and Day 1987, "Statistical Methods in Cancer Research II", chapter 2). It compares means per
call at the same hours without taking the logarithm of a mean of few calls, which is too low by
half the variance of that mean, so that a statement would seem slower merely for being called more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from agentdb.history.grid import (
    HOURS,
    NORMAL_MEDIAN,
    Array,
    Mask,
    beyond,
    lay_out,
    leaning,
    logarithm,
    median,
    ratio,
    watched_share,
)
from agentdb.history.series import StatementSeries, Watched

DAYS = 7  # of a week
HOURS_OF_WEEK = DAYS * HOURS

_LENGTH_OF_AN_HOUR = 1.01  # of a bucket that counts as an hour, in hours
_SHARE_BY_THE_HOUR = 0.8  # of the calls of a week that is compared by the hour
_WEEKS_IN_HOURS = 3  # weeks before that must be there by the hour to compare hours, not days
_OUTLYING = 4.0  # robust standard deviations from what is usual, where outliers begin
_LEAST_SPREAD = float(np.log(1.5))  # of hours, however alike most of them are
_DAYS_TO_TEMPER = 3  # days of a week that allow to leave the extreme ones aside
_DAYS_TO_SCATTER = 5  # and with the others to tell how far days lie apart
_PRIOR_FREEDOM = 4  # what a statement's own days count beside its weeks, in weeks
_LEAST_NOISE = 0.01  # of a week: nothing is known to better than 1 %
_VOTERS = 5  # statements that can tell what the machine does
SAME_BLOCKS_PERCENT = 20.0  # more or less of them: hardly another plan
# How many times more weeks scatter than days let expect, where too few statements tell: with it,
# 94 % of ordinary weeks of three statements alone lay in their intervals (with 1: 85 %).
_BEYOND_DAYS = 6.0


@dataclass(frozen=True, slots=True)
class Weeks:
    """What statements did, by statement, week, day and hour: the last week last.

    `calls`, `milliseconds` and `blocks` are what can be compared. Where a statement is not known by
    the hour, its days are in their first hour; where it is, longer buckets are left out. `counted`
    are all calls; `placed` are those by week, of a bucket all in the week of its middle; `days` are
    those of each week with calls, a bucket of up to a day on that of its middle, a longer one as
    many as it is long; `watched` is the share of each hour (by week, day and hour) that was
    watched.
    """

    calls: Array
    milliseconds: Array
    blocks: Array
    counted: Array
    placed: Array
    days: npt.NDArray[np.intp]
    watched: Array


@dataclass(frozen=True, slots=True)
class Ratios:
    """Logarithms of observed over expected, by statement, week and day; NaN where unknown.

    `expected` is the amount that the calls of a day would have taken in other weeks. What the
    weeks before are expected to be is taken from the weeks before, without themselves: they are
    placebos (Abadie, Diamond and Hainmueller 2010, "Synthetic Control Methods").
    """

    logs: Array
    expected: Array
    calls: Array

    def without(self, machine: Array) -> Ratios:
        """Return the ratios beyond what the machine did (by week and day; NaN: nobody knows)."""
        known = np.nan_to_num(machine)
        return Ratios(self.logs - known, self.expected * np.exp(known), self.calls)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The last week of each statement: log ratio, its standard error, degrees of freedom.

    The error is that of a prediction: how far from the mean of `weeks` weeks another ordinary
    week lies. NaN and 0 where it cannot be told.
    """

    effect: Array
    error: Array
    freedom: npt.NDArray[np.intp]
    weeks: npt.NDArray[np.intp]


def lay_out_weeks(
    series: Sequence[StatementSeries], watched: Sequence[Watched], now: datetime, weeks: int
) -> Weeks:
    """Return the last `weeks` weeks before `now`, by the hour where enough is known by the hour."""
    start = now - timedelta(weeks=weeks)
    grid = lay_out(series, start, weeks * DAYS)
    shape = (len(series), weeks, DAYS, HOURS)
    calls, fine = grid.calls.reshape(shape), grid.longest.reshape(shape) <= _LENGTH_OF_AN_HOUR
    by_hour, usable = _known_by_hour(calls, fine)
    fine &= usable[:, :, None, None]
    return Weeks(
        _at_resolution(calls, by_hour, fine),
        _at_resolution(grid.milliseconds.reshape(shape), by_hour, fine),
        _at_resolution(grid.blocks.reshape(shape), by_hour, fine),
        grid.counted.reshape(shape),
        grid.calls.reshape(shape).sum(axis=(2, 3)),
        _days_called(grid.longest.reshape(shape).max(axis=3)),
        watched_share(watched, start, weeks * DAYS).reshape(shape[1:]),
    )


def _days_called(longest: Array) -> npt.NDArray[np.intp]:
    """Return the days of each week, by the longest bucket (in hours) of each day."""
    days = np.where(longest > 0, np.maximum(1, longest / HOURS), 0).sum(axis=2)
    whole: npt.NDArray[np.intp] = np.minimum(DAYS, np.floor(days)).astype(np.intp)
    return whole


def _known_by_hour(calls: Array, fine: Mask) -> tuple[Mask, Mask]:
    """Tell which statements can be compared by the hour, and with which of their weeks.

    Those of which the last week and enough of those before are there by the hour for the most part.
    """
    total = calls.sum(axis=(2, 3))
    usable = (calls * fine).sum(axis=(2, 3)) >= _SHARE_BY_THE_HOUR * total
    before = total[:, :-1] > 0
    enough = np.minimum(_WEEKS_IN_HOURS, before.sum(axis=1))
    return usable[:, -1] & ((usable[:, :-1] & before).sum(axis=1) >= enough), usable


def _at_resolution(values: Array, by_hour: Mask, fine: Mask) -> Array:
    """Return values by the hour, without what is not known so, or days in their first."""
    days = np.zeros_like(values)
    days[..., 0] = values.sum(axis=-1)
    return np.where(by_hour[:, None, None, None], np.where(fine, values, 0), days)


def standardise(calls: Array, amounts: Array) -> Ratios:
    """Return how much more of an amount (time, blocks) each day took than it should have.

    An hour that lies beyond 4 robust standard deviations above what is usual at that hour and in
    that week counts as one that does not (winsorized): one lock is no regression.
    """
    tempered = _temper_hours(calls, amounts)
    before = _others(calls), _others(tempered)
    means = ratio(before[1].sum(axis=(2, 3)), before[0].sum(axis=(2, 3)))[:, :, None, None]
    usual = leaning(before[1], before[0], means)
    expected = np.nansum(calls * usual, axis=3)
    observed = tempered.sum(axis=3)
    return Ratios(logarithm(ratio(observed, expected)), expected, calls.sum(axis=3))


def _temper_hours(calls: Array, amounts: Array) -> Array:
    """Cut what a single hour took down to what is still usual."""
    logs = logarithm(ratio(amounts, calls))
    before = np.moveaxis(logs[:, :-1], 1, -1)
    known = np.isfinite(before).sum(axis=-1) > 1
    usual = np.where(known, median(before), np.nan)[:, None]
    apart = (logs - usual).reshape(*logs.shape[:2], -1)
    level = median(apart)[..., None]
    spread = median(np.abs(apart - level).reshape(len(apart), -1)) / NORMAL_MEDIAN
    reach = _OUTLYING * np.fmax(spread, _LEAST_SPREAD)[:, None, None, None]
    highest = usual + level[..., None] + reach
    return np.where(logs > highest, calls * np.exp(highest), amounts)


def _others(values: Array) -> Array:
    """Return the sums of the weeks before; for each of them, of the others."""
    before = values[:, :-1].sum(axis=1, keepdims=True)
    return np.concatenate([before - values[:, :-1], before], axis=1)


def shared(times: Ratios, blocks: Ratios) -> Array | None:
    """Return the log ratio of time, by week and day, of the middle statement; None with too few.

    NaN on days on which too few were called.
    One statement has one vote, whatever its time: a heavy statement that got slower must not pass
    for the machine. Whoever reads more or fewer blocks per call on a day has none then: where most
    statements read one table, its lost index is not the machine's doing. Less than half of the
    others may change without moving it.
    """
    other_work = np.abs(blocks.logs) >= np.log1p(SAME_BLOCKS_PERCENT / 100)
    by_day = np.moveaxis(np.where(other_work, np.nan, times.logs), 0, -1)
    voters = np.isfinite(by_day).sum(axis=-1)
    if voters[-1].max(initial=0) < _VOTERS:
        return None
    return np.where(voters >= _VOTERS, median(by_day), np.nan)


def compare(ratios: Ratios) -> Comparison:
    """Return the last week of each statement, and how far an ordinary week would lie from 0.

    A week is the mean of its days, weighted by calls; from three days on the highest and the lowest
    are taken for their neighbours (Tukey and McLaughlin 1963, "Less Vulnerable Confidence and
    Significance Procedures for Location": that mean's error, from five days on). The variance of a
    week is the one that the weeks before show among themselves, but they are few; so it leans on
    what the scatter of the statement's days lets expect, times what weeks scatter beyond their days
    in this database (the moderated variance of Smyth 2004, "Linear Models and Empirical Bayes
    Methods", with 4 degrees of freedom for the prior instead of estimated ones). The interval is
    Student's, for a new observation: variance times 1 + 1/K for K weeks before.
    """
    means, errors = _week_means(ratios)
    before = np.isfinite(means[:, :-1])
    weeks = before.sum(axis=1)
    among = (weeks - 1) / np.maximum(weeks, 1) ** 2 * np.nansum(means[:, :-1] ** 2, axis=1)
    within = _mean_of_known(errors[:, :-1]) * (weeks - 1) / np.maximum(weeks, 1)
    prior = within * _beyond_days(among, within, weeks)
    freedom = np.maximum(weeks - 1, 0) + np.where(np.isfinite(prior), _PRIOR_FREEDOM, 0)
    total = np.nan_to_num(prior) * _PRIOR_FREEDOM * np.isfinite(prior) + among * (weeks - 1)
    variance = np.maximum(ratio(total, freedom.astype(np.float64)), _LEAST_NOISE**2)
    error = np.sqrt(variance * (1 + 1 / np.maximum(weeks, 1)))
    told = (weeks > 1) & np.isfinite(means[:, -1])
    return Comparison(
        np.where(told, means[:, -1], np.nan), np.where(told, error, np.nan), freedom, weeks
    )


def allow_for_the_machine(compared: Comparison, machine: Array) -> Comparison:
    """Return errors that allow for statements to feel unlike each other what the machine did.

    Others on the machine cost long statements more than short ones, and a cold cache those that
    read much. How far the last week's effects lie apart, beyond what their errors let expect, adds
    to the errors (`grid.beyond`; of quartiles, so that a quarter of the statements may really have
    become slower), up to what the machine (by week and day) did in the last week: a slow week in
    the past is among what the weeks before did.
    """
    known = np.isfinite(compared.effect)
    if known.sum() < _VOTERS:
        return compared
    low, high = np.quantile(compared.effect[known], (0.25, 0.75))
    more = beyond(float(high - low) / 2, compared.error[known])
    most = float(_mean_of_known(machine)[-1]) ** 2
    return replace(compared, error=np.sqrt(compared.error**2 + min(more, most)))


def _week_means(ratios: Ratios) -> tuple[Array, Array]:
    """Return the mean of each week's days and the square of its standard error."""
    logs = _temper_days(ratios.logs)
    weights = np.where(np.isfinite(logs), ratios.calls, 0)
    weights = np.nan_to_num(weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-9))
    days = np.isfinite(logs).sum(axis=-1)
    means = np.where(days > 0, np.nansum(weights * logs, axis=-1), np.nan)
    scattered = np.where((days >= _DAYS_TO_SCATTER)[..., None], logs, ratios.logs)
    squares = np.nansum(weights**2 * (scattered - means[..., None]) ** 2, axis=-1)
    squares = squares * ratio(days.astype(np.float64), days - 1.0)
    fewer = np.where(days >= _DAYS_TO_SCATTER, days / np.maximum(days - 2, 1), 1.0)
    return means, squares * fewer**2


def _temper_days(logs: Array) -> Array:
    """Take the highest and the lowest day of each week for their neighbours."""
    days = np.isfinite(logs).sum(axis=-1, keepdims=True)
    ordered = np.sort(logs, axis=-1)
    low = ordered[..., 1:2]
    high = np.take_along_axis(ordered, np.maximum(days - 2, 0), axis=-1)
    return np.where(days >= _DAYS_TO_TEMPER, np.clip(logs, low, high), logs)


def _mean_of_known(values: Array) -> Array:
    known = np.isfinite(values).sum(axis=-1)
    return ratio(np.nansum(values, axis=-1), known.astype(np.float64))


def _beyond_days(among: Array, within: Array, weeks: npt.NDArray[np.intp]) -> float:
    """Return how many times more the weeks of this database scatter than their days let expect.

    The median of a chi-square by its degrees of freedom is (1 - 2/(9 f))³ (Wilson and Hilferty).
    """
    several = (weeks > 1) & (within > 0)
    if several.sum() < _VOTERS:
        return _BEYOND_DAYS
    expected = within * (1 - 2 / (9 * np.maximum(weeks - 1, 1))) ** 3
    return max(1.0, float(np.median(among[several] / expected[several])))
