"""Several ways of doing one thing, in turns: what disturbs one of them disturbs all."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.memory.clocks import Cost, Meter

Way = Callable[[int], object]
"""Does one thing; it is told the number of the call."""


class Taken:
    """What the rounds of one way cost, and the wall seconds of each of its calls."""

    def __init__(self) -> None:
        self.rounds: list[Cost] = []
        self.walls: list[float] = []


def measure(
    meter: Meter,
    ways: Mapping[str, Way],
    rounds: Sequence[Sequence[int]],
    before: Callable[[], object] = lambda: None,
) -> dict[str, Taken]:
    """Let every way do every round of calls; they take turns in being first.

    What has to be done `before` each of them is not measured.
    """
    taken: dict[str, Taken] = defaultdict(Taken)
    names = list(ways)
    for number, calls in enumerate(rounds):
        start = number % len(names)
        for name in (*names[start:], *names[:start]):
            before()
            cost = meter.cost(partial(_run, ways[name], calls, taken[name].walls))
            taken[name].rounds.append(cost)
    return dict(taken)


def _run(way: Way, calls: Sequence[int], walls: list[float]) -> None:
    for call in calls:
        started = time.perf_counter()
        way(call)
        walls.append(time.perf_counter() - started)
