"""Which statements became slower or faster in the last week, beyond what weeks do anyhow?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agentdb.history.figures import Figure
from agentdb.history.series import StatementSeries, Watched

ChangeVerdict = Literal["slower", "faster", "unchanged", "new", "gone", "not enough data"]


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    """What counts as a change.

    At most `weeks` weeks before the last one are read, and `least_weeks` are needed;
    `least_percent` is the smallest change of time per call that is news; among the changes that
    are told, a share of `false_discoveries` may be noise.
    """

    weeks: int = 8
    least_weeks: int = 2
    least_calls: int = 20
    least_percent: float = 10.0
    false_discoveries: float = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one statement in the last week, against the weeks before.

    `percent` is the change of time per call (+25: a quarter slower) beyond what the whole machine
    did, None when it cannot be told; `blocks_percent` that of the blocks per call: time up with
    blocks unchanged is not the plan's doing. `lost_milliseconds` is what this costs in a week (below
    zero: gained). `calls_before` and `calls_after` are calls a week, at the same watched hours.
    `reason` says in a sentence why this is the verdict.
    """

    fingerprint: str
    query: str
    tables: frozenset[str]
    verdict: ChangeVerdict
    reason: str
    percent: Figure | None
    blocks_percent: Figure | None
    lost_milliseconds: Figure | None
    mean_milliseconds_before: float | None
    mean_milliseconds_after: float | None
    calls_before: float
    calls_after: float
    weeks: int
    probability: float | None

    @property
    def same_work(self) -> bool | None:
        """Whether a call reads as many blocks as before; None when that cannot be told."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Changes:
    """All statements, the costliest loss first, and what all of them share."""

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
    terms: ChangeTerms = ChangeTerms(),
) -> Changes:
    """Return what became of each statement in the week before `now`."""
    raise NotImplementedError
