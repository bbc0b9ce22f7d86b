"""What was expected beside what was told: right or wrong, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.year.plan import Family, Plan
from benchmarks.year.world import NEWS, World

SILENT = ("nothing", "not applied")
FLOORS: Mapping[Family, tuple[float, float]] = {
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


@dataclass(frozen=True, slots=True)
class Found:
    """All that was told in a year, and how much of it was right."""

    judged: Sequence[Judged]
    alarms: Sequence[FalseAlarm]
    weeks: int  # of statements, in which a verdict could be had
    scores: Mapping[Family, Score]

    @staticmethod
    def of(judged: Sequence[Judged], alarms: Sequence[FalseAlarm], weeks: int) -> Found:
        """Count; false alarms are told, and not right."""
        scores = {
            family: _score([one for one in judged if one.family == family]) for family in FLOORS
        }
        changes = scores["regression"]
        scores["regression"] = replace(changes, told=changes.told + len(alarms))
        return Found(judged, alarms, weeks, scores)

    @property
    def events(self) -> int:
        """How many events were judged."""
        return len({one.event for one in self.judged})

    @property
    def right(self) -> int:
        """How many expectations came true."""
        return sum(one.is_right for one in self.judged)

    @property
    def silence(self) -> float:
        """Of the times when no verdict was due, the share in which none was given."""
        own = [one.is_right for one in self.judged if one.due in SILENT]
        return sum(own) / max(1, len(own))

    def broken(self) -> Iterator[str]:
        """Yield which floors were not reached."""
        for family, (precision, recall) in FLOORS.items():
            own = self.scores[family]
            if own.precision < precision:
                yield f"{family}: precision {own.precision:.3f} < {precision}"
            if own.recall < recall:
                yield f"{family}: recall {own.recall:.3f} < {recall}"
        if self.silence < LEAST_SILENCE:
            yield f"silence: {self.silence:.3f} < {LEAST_SILENCE}"
        if len(self.alarms) > MOST_FALSE_ALARMS * self.weeks:
            yield f"false alarms: {len(self.alarms)} in {self.weeks} > {MOST_FALSE_ALARMS}"


def _score(own: Sequence[Judged]) -> Score:
    told = sum(one.got not in SILENT for one in own)
    due = sum(one.due not in SILENT for one in own)
    return Score(told, due, sum(one.is_right for one in own if one.due not in SILENT))
