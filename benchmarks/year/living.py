"""Week after week: what is planned happens, the application works, agentdb looks back."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.year.judged import Judged, look_up
from benchmarks.year.plan import Plan
from benchmarks.year.world import BEGIN, DAY, WEEK, World

_EARLY = DAY / 48  # after midnight, things are changed


def live(plan: Plan, world: World, weeks: int, say: Callable[[str], None]) -> list[Judged]:
    """Live through the first weeks of a plan, and return what was told of its events."""
    judged: list[Judged] = []
    for week in range(weeks):
        began = time.perf_counter()
        for day in range(7):
            begin = BEGIN + week * WEEK + day * DAY
            world.now = begin + _EARLY
            for act in plan.actions.get((week, day), ()):
                act(world)
            world.live_a_day(begin)
        world.look_back()
        found = list(look_up(plan, world, week))
        judged += found
        wrong = [
            f"{one.title}: {one.family} {one.got}, not {one.due}"
            for one in found
            if not one.is_right
        ]
        say(f"week {week} in {time.perf_counter() - began:.1f} s; " + "; ".join(wrong))
    return judged
