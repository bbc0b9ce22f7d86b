"""Is every verdict of a year right? `python -m benchmarks.year [--weeks 52] [--seed 1]`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.saying import keep_results, machine, say
from benchmarks.year.drawn import drawn_year
from benchmarks.year.judged import FalseAlarm, Found, Judged, false_alarms
from benchmarks.year.living import live
from benchmarks.year.plan import Plan
from benchmarks.year.world import Hours, World, opened
from benchmarks.year.year import TABLES, whole_year

RESULTS = Path(__file__).parents[1] / "year_results.json"


def main() -> int:
    """Live through the year, and tell; return 1 when a floor was not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year", description=__doc__)
    parser.add_argument("--weeks", type=int, default=52, help="of the year, from its beginning")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--drawn", action="store_true", help="what happens is drawn, too")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server stays behind
    began = time.perf_counter()
    plan = drawn_year(options.seed) if options.drawn else whole_year()
    title = f"{'drawn, ' if options.drawn else ''}seed {options.seed}"
    with opened(TABLES, Hours(), options.seed) as world:
        judged = live(plan, world, min(options.weeks, plan.weeks), say)
        return _tell(plan, world, judged, title, time.perf_counter() - began)


def _tell(plan: Plan, world: World, judged: Sequence[Judged], title: str, seconds: float) -> int:
    found = Found.of(judged, *false_alarms(plan, world))
    _table(judged, found.alarms)
    for family, one in found.scores.items():
        print(
            f"{family:<12} told {one.told:3} due {one.due:3} right {one.right:3}  "
            f"precision {one.precision:.3f}  recall {one.recall:.3f}"
        )
    print(f"silence      {found.silence:.3f} of the times when no verdict was due")
    print(f"false alarms {len(found.alarms)} in {found.weeks} weeks of statements")
    print(f"all          {found.right} of {len(judged)} verdicts on {found.events} events")
    audited = len(set(world.adopted))
    print(f"audits       {audited} of the pieces of advice are a real audit's, the others as one's")
    print(f"({machine()}, {seconds:.0f} s)")
    missed = list(found.broken())
    keep_results(title, _figures(found, missed, round(seconds)), RESULTS)
    for message in missed:
        print(f"FAILED: {message}")
    return 1 if missed else 0


def _table(judged: Sequence[Judged], alarms: Sequence[FalseAlarm]) -> None:
    for one in sorted(judged, key=lambda one: (one.event, one.week)):
        sign = "     " if one.is_right else "wrong"
        print(
            f"{sign} {one.event:3} {one.title:<70.70} {one.week:3} {one.family:<10} "
            f"due {one.due:<18} got {one.got}"
        )
    for alarm in alarms:
        print(
            f"wrong false alarm in week {alarm.week}: {alarm.name} {alarm.verdict}: {alarm.reason}"
        )


def _figures(found: Found, missed: Sequence[str], seconds: int) -> dict[str, object]:
    return {
        "seconds": seconds,
        "events": found.events,
        "verdicts": len(found.judged),
        "right": found.right,
        "families": {
            family: asdict(one)
            | {"precision": round(one.precision, 3), "recall": round(one.recall, 3)}
            for family, one in found.scores.items()
        },
        "silence": round(found.silence, 3),
        "false_alarms": len(found.alarms),
        "weeks_of_statements": found.weeks,
        "wrong": [asdict(one) for one in found.judged if not one.is_right],
        "alarms": [asdict(one) for one in found.alarms],
        "missed_floors": list(missed),
    }


if __name__ == "__main__":
    sys.exit(main())
