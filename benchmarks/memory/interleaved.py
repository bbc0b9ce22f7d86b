"""Several ways of doing one thing, in turns: what disturbs one of them disturbs all."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.memory.clocks import Cost, Meter

TURN = 20
"""Calls after which it is another way's turn, where calls are short."""

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


def in_turns(calls: int) -> list[range]:
    """Return the numbers of so many calls, a turn at a time; a rest that makes none is left out.

    >>> in_turns(45)
    [range(0, 20), range(20, 40)]
    """
    return [range(start, start + TURN) for start in range(0, calls - TURN + 1, TURN)]


def _run(way: Way, calls: Sequence[int], walls: list[float]) -> None:
    for call in calls:
        started = time.perf_counter()
        way(call)
        walls.append(time.perf_counter() - started)
