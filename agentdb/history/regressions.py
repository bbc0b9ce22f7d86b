"""Which statements became slower or faster in the last week, beyond what weeks do anyhow?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from agentdb.history.events import CatalogEvent
from agentdb.history.figures import Figure
from agentdb.history.grid import Array, Mask, ratio, watched_share
from agentdb.history.series import StatementSeries, Watched
from agentdb.history.steps import known_changes, since_the_last_step
from agentdb.history.student import reach, surprise
from agentdb.history.weeks import (
    HOURS_OF_WEEK,
    SAME_BLOCKS_PERCENT,
    Comparison,
    Ratios,
    Weeks,
    allow_for_the_machine,
    compare,
    lay_out_weeks,
    shared,
    standardise,
)

ChangeVerdict = Literal["slower", "faster", "unchanged", "new", "gone", "not enough data"]

_WEEK = timedelta(weeks=1)
_DOUBLING = float(np.log(2))  # what must be ruled out to call a statement unchanged
_CALLS_MISSED = 10.0  # by chance once in 20 000 times, where calls come one by one (Poisson)


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    """What counts as a change.

    At most `weeks` weeks before the last one are read, and `least_weeks` are needed, with
    `least_calls` in the last week, on `least_days` days of it, and twice as many before;
    `least_percent` is the smallest change of time per call that is news; of the changes that are
    told, at most a share of `false_discoveries` is expected to be noise.
    """

    weeks: int = 8
    least_weeks: int = 2
    least_calls: int = 5
    least_days: int = 3  # of two days, one that is an outlier cannot be told
    least_percent: float = 10.0
    false_discoveries: float = 0.01


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one statement in the last week, against the weeks before.

    `percent` is the change of time per call (+25: a quarter slower) beyond what the whole machine
    did, None when it cannot be told; `blocks_percent` that of the blocks per call: time up with
    blocks unchanged is not the plan's doing. `lost_milliseconds` is what this costs in a week
    (below zero: what it saves). `milliseconds_before` is what a call of the last week would have
    taken in the weeks before, at its hours; `milliseconds_after` what it took; `blocks_before` and
    `blocks_after` are its blocks, likewise. `calls_before` and `calls_after` are calls a week, at
    the same watched hours. `weeks` before were compared with.
    `probability` is that of so much by nothing but chance. `reason` says why this is the verdict.
    """

    fingerprint: str
    query: str
    tables: frozenset[str]
    writes: bool
    verdict: ChangeVerdict
    reason: str
    percent: Figure | None
    blocks_percent: Figure | None
    lost_milliseconds: Figure | None
    milliseconds_before: float | None
    milliseconds_after: float | None
    blocks_before: float | None
    blocks_after: float | None
    calls_before: float
    calls_after: float
    weeks: int
    probability: float | None

    @property
    def same_work(self) -> bool | None:
        """Whether a call reads as many blocks as before; None when that cannot be told."""
        blocks = self.blocks_percent
        if blocks is None:
            return None
        if max(blocks.high, -blocks.low) < SAME_BLOCKS_PERCENT:
            return True
        return False if blocks.low > 0 or blocks.high < 0 else None


@dataclass(frozen=True, slots=True)
class Changes:
    """All statements, the costliest loss first, and what all of them share.

    `machine_percent` is how much slower the middle one of the statements got that read as many
    blocks per call as before; None with fewer than five.
    """

    since: datetime
    until: datetime
    weeks: int
    machine_percent: Figure | None
    statements: tuple[Change, ...]

    def of(self, verdict: ChangeVerdict) -> tuple[Change, ...]:
        """Return the statements with a verdict."""
        return tuple(change for change in self.statements if change.verdict == verdict)


def find_changes(
    series: Sequence[StatementSeries],
    watched: Sequence[Watched],
    now: datetime,
    terms: ChangeTerms | None = None,
    events: Sequence[CatalogEvent] = (),
) -> Changes:
    """Return what became of each statement in the week before `now` (cut down to the hour).

    The last week is compared with up to eight before it, at the same hours of the week, as log
    ratios of observed over expected time (`weeks`); each day's ratio of the middle one of those
    that did the same work is the machine's and taken off. The ratio's error is that of a
    prediction, from what the earlier weeks did among themselves and from the scatter of their days
    (`weeks.compare`). Slower or faster is what is still surprising among so many statements
    (Benjamini and Hochberg 1995, "Controlling the False Discovery Rate") and is at least
    `least_percent`. An hour outside of every watched stretch is unknown, an hour inside without
    calls had none, unless statements were forgotten meanwhile: that hour tells of none that is new
    or gone. More calls are no regression. Weeks before a change that made a difference, a known one
    or one of the work of a call, are left out (`steps`).
    """
    terms = terms or ChangeTerms()
    now = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    weeks = _weeks_watched(watched, now, terms)
    if not series:
        return Changes(now - _WEEK, now, weeks, None, ())
    laid_out = lay_out_weeks(series, watched, now, weeks + 1)
    changed = known_changes(series, events, now, weeks + 1)
    surely = _surely_watched(laid_out.watched, events, now)
    found = _Weighed.of(since_the_last_step(laid_out, changed, terms.least_weeks), surely, terms)
    changes = [found.change(place, one, terms) for place, one in enumerate(series)]
    ordered = sorted(changes, key=lambda change: (-_loss(change), change.fingerprint))
    return Changes(now - _WEEK, now, weeks, found.machine, tuple(ordered))


def _weeks_watched(watched: Sequence[Watched], now: datetime, terms: ChangeTerms) -> int:
    """Return how many weeks before the last one to look at: the first watched at least by half."""
    past = now - _WEEK - min((stretch.start for stretch in watched), default=now)
    return max(1, min(terms.weeks, round(past / _WEEK)))


def _surely_watched(watched: Array, events: Sequence[CatalogEvent], now: datetime) -> Array:
    """Return the share of each hour (by week, day and hour) in which every call was seen.

    Between two readings that single statements were forgotten between, one that was not seen may
    have been called: no one knows whose they were.
    """
    lost = [Watched(one.since, one.at) for one in events if one.kind == "statements_forgotten"]
    weeks, days, _ = watched.shape
    doubtful = watched_share(lost, now - weeks * _WEEK, weeks * days)
    return watched * (1 - doubtful.reshape(watched.shape))


def enough_from(
    watched: Sequence[Watched], now: datetime, terms: ChangeTerms | None = None
) -> datetime | None:
    """Return from when on there will be enough weeks to compare, if all goes on to be watched.

    The last of them needs to be there by half. None where nothing was watched, or where what is
    lacking is not weeks.
    """
    terms = terms or ChangeTerms()
    whole = _WEEK * (terms.least_weeks + 0.5)
    ends = (stretch.start.astimezone(UTC) + whole for stretch in watched)
    return min((end for end in ends if end > now), default=None)


def _loss(change: Change) -> float:
    return change.lost_milliseconds.value if change.lost_milliseconds else 0.0


@dataclass(frozen=True, slots=True)
class _Weighed:
    """All statements compared, as arrays by statement."""

    time: Comparison
    blocks: Comparison
    machine: Figure | None
    surprising: Array  # probability of so much by chance; NaN where it cannot be told
    discovered: Mask
    expected: Array  # milliseconds of a whole week, at the times before
    milliseconds: _PerCall
    work: _PerCall
    calls: _Calls

    @staticmethod
    def of(weeks: Weeks, surely: Array, terms: ChangeTerms) -> _Weighed:
        """Compare the last week with the weeks before; `surely` is when each call was seen."""
        times = standardise(weeks.calls, weeks.milliseconds)
        blocks = standardise(weeks.calls, weeks.blocks)
        machine = shared(times, blocks)
        alone = times if machine is None else times.without(machine)
        time, calls = compare(alone), _Calls.of(weeks, surely)
        if machine is not None:
            time = allow_for_the_machine(time, machine)
        told = calls.enough(terms) & (time.weeks >= terms.least_weeks)
        surprising = np.where(told, _surprises(time), np.nan)
        week = HOURS_OF_WEEK / max(calls.watched, 1e-9)
        return _Weighed(
            time,
            compare(blocks),
            None if machine is None else _machine(machine),
            surprising,
            discover(surprising, terms.false_discoveries),
            np.nansum(alone.expected[:, -1], axis=1) * week,
            _PerCall.of(times, weeks.milliseconds),
            _PerCall.of(blocks, weeks.blocks),
            calls,
        )

    def change(self, place: int, one: StatementSeries, terms: ChangeTerms) -> Change:
        """Return what became of one statement."""
        verdict, reason = self._verdict(place, terms)
        told = bool(np.isfinite(self.surprising[place]))
        log = _interval(self.time, place) if told else None
        return Change(
            fingerprint=one.fingerprint,
            query=one.query,
            tables=one.tables,
            writes=one.writes,
            verdict=verdict,
            reason=reason,
            percent=log and _percent(log),
            blocks_percent=_blocks(self.blocks, place) if told else None,
            lost_milliseconds=log and _lost(log, float(self.expected[place])),
            milliseconds_before=_known(self.milliseconds.before[place]),
            milliseconds_after=_known(self.milliseconds.after[place]),
            blocks_before=_known(self.work.before[place]),
            blocks_after=_known(self.work.after[place]),
            calls_before=float(self.calls.before[place]),
            calls_after=float(self.calls.after[place]),
            weeks=self.weeks(place),
            probability=_known(self.surprising[place]),
        )

    def weeks(self, place: int) -> int:
        """Return how many weeks before are known; of a single one nothing can be told yet."""
        return max(int(self.time.weeks[place]), min(1, int(self.calls.weeks[place])))

    def _verdict(self, place: int, terms: ChangeTerms) -> tuple[ChangeVerdict, str]:
        if self.calls.is_new(place):
            return "new", "it was not called in the weeks before"
        if self.calls.is_gone(place):
            return "gone", "it was called week after week, and is no longer"
        if not np.isfinite(self.surprising[place]):
            return "not enough data", self.calls.lacking(place, self.weeks(place), terms)
        return self._judged(place, terms)

    def _judged(self, place: int, terms: ChangeTerms) -> tuple[ChangeVerdict, str]:
        log = _interval(self.time, place)
        percent = _percent(log)
        said = f"{percent.value:+.0f} % per call ({percent.low:+.0f} to {percent.high:+.0f} %)"
        if self.discovered[place] and abs(percent.value) >= terms.least_percent:
            return "slower" if percent.value > 0 else "faster", f"{said}, beyond what weeks do"
        if max(log.high, -log.low) > _DOUBLING:
            return "not enough data", f"{said}: among so many statements, chance may do that"
        return "unchanged", f"{said}, within what its weeks do anyhow or too little to be news"


@dataclass(frozen=True, slots=True)
class _PerCall:
    """What a call of the last week should have taken of something, and what it took."""

    before: Array
    after: Array

    @staticmethod
    def of(ratios: Ratios, amounts: Array) -> _PerCall:
        """Return it by statement; NaN without calls."""
        called = ratios.calls[:, -1].sum(axis=1)
        return _PerCall(
            ratio(np.nansum(ratios.expected[:, -1], axis=1), called),
            ratio(amounts[:, -1].sum(axis=(1, 2)), called),
        )


@dataclass(frozen=True, slots=True)
class _Calls:
    """Calls by statement: counted, and a week at the same watched hours."""

    counted_before: Array
    counted_after: Array
    placed_before: Array  # with all calls of a bucket in the week that its middle lies in
    placed_after: Array
    before: Array  # a week
    after: Array
    days: npt.NDArray[np.intp]  # of the last week, on which it was called
    watched: float  # hours of the last week
    expected: Array  # in the last week's hours that were surely watched, as often as before
    missed: Array  # in such hours before, had it been called as in the last week
    steady: Mask  # called in each watched week since the first, in two at least
    weeks: npt.NDArray[np.intp]  # before, in which it was called
    unsure: bool  # whether statements were forgotten in the last week

    @staticmethod
    def of(weeks: Weeks, surely: Array) -> _Calls:
        """Count calls where both the last week and one before were watched."""
        hours = weeks.watched[:-1].sum(axis=0), weeks.watched[-1]
        counts = weeks.counted[:, :-1].sum(axis=1), weeks.counted[:, -1]
        both = (hours[0] > 0) & (hours[1] > 0)
        scale = HOURS_OF_WEEK / max((hours[1] * both).sum(), 1e-9)
        usual = np.nan_to_num(ratio(counts[0], hours[0])) * both
        expected, counted = (part.sum(axis=(1, 2)) for part in (usual * hours[1], counts[1] * both))
        total = counts[1].sum(axis=(1, 2))
        called = weeks.counted[:, :-1].sum(axis=(2, 3)) > 0
        return _Calls(
            counts[0].sum(axis=(1, 2)),
            total,
            weeks.placed[:, :-1].sum(axis=1),
            weeks.placed[:, -1],
            expected * scale,
            counted * scale,
            weeks.days[:, -1],
            float(hours[1].sum()),
            (usual * surely[-1]).sum(axis=(1, 2)),
            total / max(float(hours[1].sum()), 1e-9) * float(surely[:-1].sum()),
            _is_steady(called, weeks.watched[:-1].sum(axis=(1, 2)) > 0),
            called.sum(axis=1),
            bool((surely[-1] < weeks.watched[-1]).any()),
        )

    def enough(self, terms: ChangeTerms) -> Mask:
        """Tell which statements were called often enough."""
        return np.asarray(
            (self.counted_after >= terms.least_calls)
            & (self.counted_before >= 2 * terms.least_calls)
            & (self.days >= terms.least_days)
            & (self.watched > 0)
        )

    def is_new(self, place: int) -> bool:
        """Tell whether it began in the last week."""
        return bool(self.placed_before[place] == 0 and self.missed[place] >= _CALLS_MISSED)

    def is_gone(self, place: int) -> bool:
        """Tell whether it ended before the last week."""
        missing = self.placed_after[place] == 0 and self.expected[place] >= _CALLS_MISSED
        return bool(missing and self.steady[place])

    def lacking(self, place: int, weeks: int, terms: ChangeTerms) -> str:
        """Say what there is not enough of."""
        if self.watched == 0:
            return "nobody watched in the last week"
        if weeks < terms.least_weeks:
            return f"{weeks} of the weeks before can be compared with, {terms.least_weeks} needed"
        if self.unsure and self.placed_after[place] == 0:
            return "it was not seen in the last week, in which statements were forgotten"
        counted = f"{self.counted_after[place]:.0f} calls on {self.days[place]} days"
        return f"{counted} of the last week, {self.counted_before[place]:.0f} calls before"


def _is_steady(called: Mask, watched: Mask) -> Mask:
    """Tell which statements were called in each watched week since the first, in two at least.

    So what runs at the end of each month has not ended when it does not run.
    """
    missed = watched & ~called & (np.cumsum(called, axis=1) > 0)
    return np.asarray((called.sum(axis=1) > 1) & ~missed.any(axis=1))


def discover(probabilities: Array, share: float) -> Mask:
    """Tell which of many are discoveries, when at most a share of those may be chance.

    Benjamini and Hochberg (1995): the largest k with the k-th smallest probability no more than
    `share` k / n, and all that are no larger. NaN takes no part.
    """
    known = np.sort(probabilities[np.isfinite(probabilities)])
    steps = share * np.arange(1, len(known) + 1) / max(1, len(known))
    reached = known[known <= steps]
    limit = reached[-1] if len(reached) else -1.0
    return np.asarray(probabilities <= limit)


def _surprises(time: Comparison) -> Array:
    """Return the probability of each effect by chance alone."""
    effects = ratio(time.effect, time.error)
    return np.array(
        [
            surprise(float(effect), int(freedom)) if np.isfinite(effect) else np.nan
            for effect, freedom in zip(effects, time.freedom, strict=True)
        ]
    )


def _machine(logs: Array) -> Figure | None:
    """Return what the machine did, judged like a statement of its own."""
    ones = np.ones((1, *logs.shape))
    compared = compare(Ratios(logs[None], ones, ones))
    known = np.isfinite(compared.effect[0])
    return _percent(_interval(compared, 0)) if known else None


def _interval(compared: Comparison, place: int) -> Figure:
    effect = float(compared.effect[place])
    off = float(compared.error[place]) * reach(int(compared.freedom[place]))
    return Figure(effect, effect - off, effect + off)


def _percent(log: Figure) -> Figure:
    return Figure(*(100 * float(np.expm1(min(end, 700))) for end in (log.value, log.low, log.high)))


def _blocks(compared: Comparison, place: int) -> Figure | None:
    known = np.isfinite(compared.effect[place])
    return _percent(_interval(compared, place)) if known else None


def _lost(log: Figure, expected: float) -> Figure:
    ends = (log.value, log.low, log.high)
    return Figure(*(expected * float(np.expm1(min(end, 700))) for end in ends))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
