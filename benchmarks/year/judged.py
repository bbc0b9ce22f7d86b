"""What was expected beside what was told: right or wrong, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.year.plan import Family, Plan
from benchmarks.year.world import NEWS, World

SILENT = ("nothing", "not applied")
FLOORS: Mapping[str, tuple[float, float]] = {
    "applied": (1.0, 1.0),
    "outcome": (0.95, 0.9),
    "revert": (1.0, 0.9),
    "regression": (0.95, 0.9),
    "cause": (0.9, 0.9),
    "server": (1.0, 0.9),
}
LEAST_SILENCE = 0.95  # of the events after which no verdict was due
MOST_FALSE_ALARMS = 0.002  # of the weeks of statements in which nothing happened


@dataclass(frozen=True, slots=True)
class Judged:
    """One expectation, and what was told instead, or the same."""

    event: int
    title: str
    family: Family
    week: int
    due: str
    got: str

    @property
    def is_right(self) -> bool:
        """Whether it is the same."""
        return self.due == self.got


@dataclass(frozen=True, slots=True)
class Score:
    """Of a family: how much of what was told is right, and how much of what was due was told."""

    told: int
    due: int
    right: int

    @property
    def precision(self) -> float:
        """Right of what was told."""
        return self.right / self.told if self.told else 1.0

    @property
    def recall(self) -> float:
        """Right of what was due."""
        return self.right / self.due if self.due else 1.0


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """News of a statement to which nothing had happened."""

    week: int
    name: str
    verdict: str
    reason: str


def look_up(plan: Plan, world: World, week: int) -> Iterator[Judged]:
    """Return what was told of each event that is to be judged at the end of a week."""
    for one in plan.expected:
        if one.week == week:
            title = plan.titles[one.event - 1]
            yield Judged(one.event, title, one.family, week, one.due, one.look(world))


def score(judged: Iterable[Judged], family: Family, false_alarms: int = 0) -> Score:
    """Return how well a family did; false alarms are told, and not right."""
    own = [one for one in judged if one.family == family]
    told = sum(one.got not in SILENT for one in own)
    due = sum(one.due not in SILENT for one in own)
    right = sum(one.is_right for one in own if one.due not in SILENT)
    return Score(told + false_alarms, due, right)


def false_alarms(plan: Plan, world: World) -> tuple[list[FalseAlarm], int]:
    """Return news of statements that nothing happened to, and in how many weeks of statements."""
    names = {world.mark(name): name for name in world.sent}
    found, looked_at = [], 0
    for week, report in world.reports.items():
        for one in report.statements:
            name = names.get(one.fingerprint)
            if name is None or one.verdict == "not enough data":
                continue
            looked_at += 1
            if one.verdict in NEWS and not plan.is_allowed(name, week, one.verdict):
                found.append(FalseAlarm(week, name, one.verdict, one.reason))
    return found, looked_at


def broken(
    scores: Mapping[str, Score], judged: Sequence[Judged], share_of_false_alarms: float
) -> Iterator[str]:
    """Yield which floors were not reached."""
    for family, (precision, recall) in FLOORS.items():
        own = scores[family]
        if own.precision < precision:
            yield f"{family}: precision {own.precision:.3f} < {precision}"
        if own.recall < recall:
            yield f"{family}: recall {own.recall:.3f} < {recall}"
    if silence(judged) < LEAST_SILENCE:
        yield f"silence: {silence(judged):.3f} < {LEAST_SILENCE}"
    if share_of_false_alarms > MOST_FALSE_ALARMS:
        yield f"false alarms: {share_of_false_alarms:.4f} > {MOST_FALSE_ALARMS}"


def silence(judged: Iterable[Judged]) -> float:
    """Return the share of the events without a verdict due that got none."""
    own = [one.is_right for one in judged if one.family == "silence" or one.due in SILENT]
    return sum(own) / max(1, len(own))
