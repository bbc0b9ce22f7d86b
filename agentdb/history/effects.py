"""Did a change help? Before and after, less what statements did that it cannot touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agentdb.history.figures import Figure
from agentdb.history.series import StatementSeries, Watched

EffectVerdict = Literal["confirmed", "neutral", "regressed", "not enough data"]


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
    milliseconds are those of a week: `saved` by the treated, `write_cost` paid by the writers,
    `net` the one less the other. `blocks_before` and `blocks_after` are per call of the treated,
    at the calls they had before.
    """

    gain_percent: Figure | None
    saved_milliseconds: Figure | None
    write_cost_milliseconds: Figure | None
    net_milliseconds: Figure | None
    blocks_before: float | None
    blocks_after: float | None
    days_before: int
    days_after: int
    calls_before: int
    calls_after: int
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
    """Return what a change did to the statements of both sides, by difference in differences."""
    raise NotImplementedError


def verdict(effect: Effect, age_days: float, scans_since: int | None) -> Judgement:
    """Return the verdict; `scans_since` are an index's since it is there, None without an index."""
    raise NotImplementedError
