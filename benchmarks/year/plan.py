"""What is planted in a year, and what has to be told of it: decided before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from benchmarks.year.world import World

Family = Literal["applied", "outcome", "revert", "regression", "cause", "server", "silence"]
Act = Callable[[World], None]
Look = Callable[[World], str]

NOTHING = "nothing"
REMEMBERED = 9  # weeks for which a change may be told: it is in the last week or in those before


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to be told of an event when a week has ended; `nothing`: no verdict is due."""

    event: int
    family: Family
    week: int
    due: str
    look: Look


@dataclass(frozen=True, slots=True)
class Allowed:
    """A change that a statement really went through: it may be told from a week on."""

    name: str
    first: int
    last: int
    verdicts: frozenset[str]


@dataclass(slots=True)
class Plan:
    """Events, what is done for each and when, and what is expected of agentdb."""

    weeks: int
    titles: list[str] = field(default_factory=list)
    actions: dict[tuple[int, int], list[Act]] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)
    allowed: list[Allowed] = field(default_factory=list)

    def event(self, title: str) -> None:
        """Begin another event: what follows belongs to it."""
        self.titles.append(title)

    def do(self, week: int, act: Act, day: int = 0) -> None:
        """Do something before the first hour of work of a day."""
        self.actions.setdefault((week, day), []).append(act)

    def sql(self, week: int, *statements: str, day: int = 0) -> None:
        """Run statements on the target."""
        self.do(week, lambda world: world.run(*statements), day)

    def expect(self, family: Family, week: int, due: str, look: Look) -> None:
        """Expect something to be told at the end of a week."""
        if week >= self.weeks:
            raise ValueError(f"{self.titles[-1]}: week {week} is after the end")
        self.expected.append(Expected(len(self.titles), family, week, due, look))

    def change(
        self, name: str, week: int, due: str, cause: str | None = None, *, lasting: int = REMEMBERED
    ) -> None:
        """Expect a change of a statement to be told in the week in which it happens."""
        self.expect("regression", week, due, lambda world: world.change(name, week))
        if cause:
            self.expect("cause", week, cause, lambda world: world.cause(name, week))
        self.allow(name, week, due, lasting=lasting)

    def allow(self, name: str, week: int, *verdicts: str, lasting: int = REMEMBERED) -> None:
        """Let a change be told that is real, and is not what the event is about."""
        self.allowed.append(Allowed(name, week, week + lasting, frozenset(verdicts)))

    def quiet(self, names: Sequence[str], *weeks: int) -> None:
        """Expect nothing to be told of statements in these weeks, though something happened."""
        for week in weeks:
            self.expect("silence", week, NOTHING, partial(self._told, names, week))

    def _told(self, names: Sequence[str], week: int, world: World) -> str:
        told = {name: world.change(name, week) for name in names}
        wrong = [
            f"{name} {verdict}"
            for name, verdict in told.items()
            if verdict != NOTHING and not self.is_allowed(name, week, verdict)
        ]
        return ", ".join(wrong) or NOTHING

    def is_allowed(self, name: str, week: int, verdict: str) -> bool:
        """Tell whether a statement really went through a change that may be told in a week."""
        return any(
            one.name == name and one.first <= week <= one.last and verdict in one.verdicts
            for one in self.allowed
        )
