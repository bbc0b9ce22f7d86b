"""Is every verdict of a year right? `python -m benchmarks.year [--weeks 52] [--seed 1]`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.saying import keep_results, machine, say
from benchmarks.year.judged import FalseAlarm, Judged, broken, false_alarms, score, silence
from benchmarks.year.living import live
from benchmarks.year.plan import Plan
from benchmarks.year.world import Hours, World, opened
from benchmarks.year.year import TABLES, whole_year

RESULTS = Path(__file__).parents[1] / "year_results.json"
FAMILIES = ("applied", "outcome", "revert", "regression", "cause", "server")


def main() -> int:
    """Live through the year, and tell; return 1 when a floor was not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year", description=__doc__)
    parser.add_argument("--weeks", type=int, default=52, help="of the year, from its beginning")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server stays behind
    began = time.perf_counter()
    plan = whole_year()
    with opened(TABLES, Hours(), options.seed) as world:
        judged = live(plan, world, min(options.weeks, plan.weeks), say)
        return _tell(plan, world, judged, options.seed, time.perf_counter() - began)


def _tell(plan: Plan, world: World, judged: Sequence[Judged], seed: int, seconds: float) -> int:
    alarms, weeks = false_alarms(plan, world)
    scores = {
        family: score(judged, family, len(alarms) if family == "regression" else 0)  # type: ignore[arg-type]
        for family in FAMILIES
    }
    _table(judged, alarms)
    for family, one in scores.items():
        print(
            f"{family:<12} told {one.told:3} due {one.due:3} right {one.right:3}  "
            f"precision {one.precision:.3f}  recall {one.recall:.3f}"
        )
    right = sum(one.is_right for one in judged)
    events = len({one.event for one in judged})
    print(f"silence      {silence(judged):.3f} of the events after which no verdict was due")
    print(f"false alarms {len(alarms)} in {weeks} weeks of statements")
    print(f"all          {right} of {len(judged)} verdicts on {events} events are right")
    print(f"({machine()}, {seconds:.0f} s)")
    missed = list(broken(scores, judged, len(alarms) / max(1, weeks)))
    keep_results(f"seed {seed}", _figures(judged, alarms, weeks, scores, missed), RESULTS)
    for message in missed:
        print(f"FAILED: {message}")
    return 1 if missed else 0


def _table(judged: Sequence[Judged], alarms: Sequence[FalseAlarm]) -> None:
    for one in sorted(judged, key=lambda one: (one.event, one.week)):
        sign = "  " if one.is_right else "✗ "
        print(
            f"{sign}{one.event:3} {one.title:<70.70} {one.week:3} {one.family:<10} "
            f"due {one.due:<18} got {one.got}"
        )
    for alarm in alarms:
        print(f"✗ false alarm in week {alarm.week}: {alarm.name} {alarm.verdict}: {alarm.reason}")


def _figures(
    judged: Sequence[Judged],
    alarms: Sequence[FalseAlarm],
    weeks: int,
    scores: dict[str, object],
    missed: Sequence[str],
) -> dict[str, object]:
    return {}


if __name__ == "__main__":
    sys.exit(main())
