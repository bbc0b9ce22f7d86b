"""Did a change help? Before and after, less what statements did that it cannot touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from agentdb.history import days
from agentdb.history.days import Days
from agentdb.history.figures import Figure
from agentdb.history.grid import Array, Grid, lay_out, watched_share
from agentdb.history.series import HOUR, StatementSeries, Watched
from agentdb.history.weeks import HOURS_OF_WEEK

EffectVerdict = Literal["confirmed", "neutral", "regressed", "not enough data"]

DAYS_BEFORE = 14  # at most
DAYS_AFTER = 28  # at most: then there is a verdict
_DAY = timedelta(days=1)
_WARM_UP = HOUR  # after a change: plans are made anew, caches fill
_LEAST_DAYS = 3  # with calls, on each side
_LEAST_CALLS = 20  # on each side

_CONFIRMED_PERCENT = 5.0
_REGRESSED_PERCENT = -5.0
_WORTH_PERCENT = 20.0  # a gain that advice is given for
_DAYS_TO_BE_USED = 14


@dataclass(frozen=True, slots=True)
class Stretch:
    """When something happened: after `since`, when it was not so yet, and by `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Sides:
    """The statements of a comparison; none is on two sides.

    `treated` were to gain, `writers` write to the table (and may pay for it), `controls` cannot be
    touched by the change, nor by another one in these weeks: the caller sees to that.
    """

    treated: Sequence[StatementSeries]
    writers: Sequence[StatementSeries]
    controls: Sequence[StatementSeries]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change did. Figures are None when there is not enough data, and `lacking` says what.

    `gain_percent` is of the time of the treated statements (+30: three tenths less time);
    milliseconds are those of a week: `treated` before the change, `saved` by them, `write_cost`
    paid by the writers, `net` the one less the other. `blocks_before` and `blocks_after` are per
    call of the treated, at the calls they had before. `calls_since` are all calls of the treated
    since the change, of those that are too rare to compare, too.
    """

    gain_percent: Figure | None
    saved_milliseconds: Figure | None
    write_cost_milliseconds: Figure | None
    net_milliseconds: Figure | None
    treated_milliseconds: float | None
    blocks_before: float | None
    blocks_after: float | None
    days_before: int
    days_after: int
    calls_before: int
    calls_after: int
    calls_since: int
    controls: int
    lacking: str | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on a change, and why in a sentence."""

    verdict: EffectVerdict
    reason: str


def measure_effect(
    sides: Sides, applied: Stretch, watched: Sequence[Watched], now: datetime
) -> Effect:
    """Return what a change did to the statements of both sides, by difference in differences.

    Up to 14 days before and, an hour of warming up left out, up to 28 after the change; a bucket
    that the change falls into belongs to neither. For each day the log ratio of the time its calls
    took to what they took before, at the same hours (`days`); less what the controls did on that
    day (Card and Krueger 1994, "Minimum Wages and Employment"). The interval is from days
    (`days.differ`), and from how unlike each other the controls changed. Statements weigh what they
    took before, so that calls that moved from one to another are no effect, and milliseconds are
    those of a week with the calls before. Without controls before and after are compared alone. The
    net's interval is by Zou and Donner ("Construction of confidence limits about effect measures",
    Statistics in Medicine 27, 2008). Statements that were hardly called on either side take no
    part.
    """
    span = _Span.around(applied, now)
    treated, writers = span.side(sides.treated), span.side(sides.writers)
    controls = span.side(sides.controls)
    lacking = treated.lacking()
    calls_since = sum(_calls_since(applied.until, one) for one in sides.treated)
    counted = treated.effect(len(controls.before.calls), calls_since, lacking)
    if lacking is not None:
        return counted
    others = _Others.of(controls.days())
    weeks = float(watched_share(watched, span.before, DAYS_BEFORE).sum()) / HOURS_OF_WEEK
    gained = treated.change(others)
    spent = treated.total() / weeks
    saved = gained and _made_of(-spent, gained)
    paid = writers.change(others) if writers.lacking() is None else None
    cost = paid and _made_of(writers.total() / weeks, paid)
    return replace(
        counted,
        gain_percent=gained and _made_of(-100, gained),
        saved_milliseconds=saved,
        write_cost_milliseconds=cost,
        net_milliseconds=saved and _less(saved, cost),
        treated_milliseconds=spent,
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """The days around a change: where both sides begin, and how many whole days come after.

    Both begin at a full hour (UTC), so that buckets of an hour lie in one.
    """

    before: datetime
    after: datetime
    days_after: int

    @staticmethod
    def around(applied: Stretch, now: datetime) -> _Span:
        """Return 14 days until the hour of the change, and what there is after warming up."""
        since, until = applied.since.astimezone(UTC), applied.until.astimezone(UTC)
        after = _hour(until + _WARM_UP + HOUR - until.resolution)
        days_after = max(0, min(DAYS_AFTER, (now - after) // _DAY))
        return _Span(_hour(since) - DAYS_BEFORE * _DAY, after, days_after)

    def side(self, series: Sequence[StatementSeries]) -> _Side:
        """Return the statements that were called often enough, before and after."""
        before = [_within(one, self.before, DAYS_BEFORE) for one in series]
        after = [_within(one, self.after, self.days_after) for one in series]
        often = [
            place
            for place in range(len(series))
            if min(_calls(before[place]), _calls(after[place])) >= _LEAST_CALLS
        ]
        return _Side(
            lay_out([before[place] for place in often], self.before, DAYS_BEFORE),
            lay_out([after[place] for place in often], self.after, self.days_after),
            (self.after - self.before) // HOUR,
        )


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _within(one: StatementSeries, start: datetime, length: int) -> StatementSeries:
    return replace(one, buckets=one.between(start, start + length * _DAY))


def _calls(one: StatementSeries) -> int:
    return sum(bucket.calls for bucket in one.buckets)


def _calls_since(moment: datetime, one: StatementSeries) -> int:
    return sum(bucket.calls for bucket in one.buckets if bucket.start >= moment)


@dataclass(frozen=True, slots=True)
class _Others:
    """What the controls did, by day, and how unlike each other they changed."""

    before: Array
    after: Array
    unlike: float

    @staticmethod
    def of(controls: Days) -> _Others:
        """Return it; nothing without controls."""
        before, after = days.meanwhile(controls)
        return _Others(before, after, days.unlike(controls, before, after))


@dataclass(frozen=True, slots=True)
class _Side:
    """Statements before and after a change, on one grid."""

    before: Grid
    after: Grid
    apart: int  # hours from the beginning of the one to that of the other

    def days(self) -> Days:
        """Return the ratios by day."""
        return days.standardise(self.before, self.after, self.apart)

    def change(self, others: _Others) -> Figure | None:
        """Return by how much the logarithm of their time changed, beyond what others did."""
        before, after = days.together(self.days())
        difference = days.differ(before - others.before, after - others.after)
        return None if difference is None else difference.but_for(others.unlike).interval

    def total(self) -> float:
        """Return the milliseconds of all calls before."""
        return float(self.before.milliseconds.sum())

    def lacking(self) -> str | None:
        """Say what there is not enough of; None when there is enough."""
        if not len(self.before.calls):
            return f"fewer than {_LEAST_CALLS} calls of a statement before the change or after it"
        known = min(_days_called(self.before), _days_called(self.after))
        if known < _LEAST_DAYS:
            return f"calls on {known} days before the change or after it, {_LEAST_DAYS} needed"
        return None if self.total() > 0 else "no time was spent on them before the change"

    def effect(self, controls: int, calls_since: int, lacking: str | None) -> Effect:
        """Return what was counted, without what is still to be estimated."""
        return Effect(
            gain_percent=None,
            saved_milliseconds=None,
            write_cost_milliseconds=None,
            net_milliseconds=None,
            treated_milliseconds=None,
            blocks_before=_blocks_per_call(self.before, self.before),
            blocks_after=_blocks_per_call(self.before, self.after),
            days_before=_days_called(self.before),
            days_after=_days_called(self.after),
            calls_before=int(self.before.calls.sum()),
            calls_after=int(self.after.calls.sum()),
            calls_since=calls_since,
            controls=controls,
            lacking=lacking,
        )


def _days_called(grid: Grid) -> int:
    return int((grid.calls.sum(axis=(0, 2)) > 0).sum())


def _blocks_per_call(before: Grid, grid: Grid) -> float | None:
    """Return blocks per call, each statement with the calls it had before."""
    calls = before.calls.sum(axis=(1, 2))
    if not len(calls):
        return None
    per_call = grid.blocks.sum(axis=(1, 2)) / grid.calls.sum(axis=(1, 2))
    return float((calls * per_call).sum() / calls.sum())


def _made_of(amount: float, log: Figure) -> Figure:
    """Return what a change of a logarithm adds to an amount; of a negative one, what it saves."""
    ends = sorted(amount * float(np.expm1(min(end, 700.0))) for end in (log.low, log.high))
    return Figure(amount * float(np.expm1(log.value)), *ends)


def _less(saved: Figure, cost: Figure | None) -> Figure:
    """Return one less the other."""
    if cost is None:
        return saved
    net = saved.value - cost.value
    down = np.hypot(saved.value - saved.low, cost.high - cost.value)
    up = np.hypot(saved.high - saved.value, cost.value - cost.low)
    return Figure(net, net - float(down), net + float(up))


def verdict(effect: Effect, age_days: float, scans_since: int | None) -> Judgement:
    """Return the verdict, `age_days` after a change; `scans_since` are an index's, if it is one.

    - *regressed*: the statements surely lose more than 5 %, or writing surely costs more than all
      that they gain, and more by 5 % of their time;
    - *neutral*, never used: `is_unused`;
    - *confirmed*: the net is surely a gain, and of at least 5 % of the statements' time;
    - *neutral*: neither, and a gain of 20 % is ruled out, or 28 days have passed;
    - *not enough data* otherwise. Surely: at the near end of the 95 % interval.
    """
    unused = is_unused(effect, age_days, scans_since)
    gain, net = effect.gain_percent, effect.net_milliseconds
    if gain is None or net is None:
        return _NEVER_USED if unused else Judgement("not enough data", effect.lacking or "no days")
    said = f"gain {gain.value:.0f} % ({gain.low:.0f} to {gain.high:.0f} %)"
    if _is_dear(effect) or gain.high < _REGRESSED_PERCENT:
        return Judgement("regressed", f"{said}, net {net.value:.0f} ms a week")
    if unused:
        return _NEVER_USED
    if net.low > 0 and gain.low >= _CONFIRMED_PERCENT:
        return Judgement("confirmed", f"{said}, net {net.value:.0f} ms a week")
    if gain.high < _WORTH_PERCENT or age_days >= DAYS_AFTER:
        return Judgement("neutral", said)
    return Judgement("not enough data", f"{said}: too wide to tell")


def _is_dear(effect: Effect) -> bool:
    """Tell whether writing surely costs more than is gained, and so much that somebody feels it.

    A few milliseconds a week are surely there, too, where an index is good for nothing else.
    """
    cost, net = effect.write_cost_milliseconds, effect.net_milliseconds
    if cost is None or net is None or effect.treated_milliseconds is None:
        return False
    return cost.low > 0 and net.high < effect.treated_milliseconds * _REGRESSED_PERCENT / 100


def is_unused(effect: Effect, age_days: float, scans_since: int | None) -> bool:
    """Tell whether an index had no scan for 14 days, though a statement for it was called."""
    return scans_since == 0 and age_days >= _DAYS_TO_BE_USED and effect.calls_since > 0


_NEVER_USED = Judgement("neutral", f"never used in {_DAYS_TO_BE_USED} days")
