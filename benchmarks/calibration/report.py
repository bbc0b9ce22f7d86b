"""What the benchmark prints and keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from agentdb.history.calibration import Advice, Bin
from benchmarks.calibration.following import Followed
from benchmarks.calibration.learning import Interval, Score
from benchmarks.saying import keep_results

RESULTS = Path(__file__).parents[1] / "calibration_results.json"
_WIDTH = 40  # of a bar, from 0 to 1


def print_followed(followed: Sequence[Followed]) -> None:
    """Say what was followed, and on what the gains rest."""
    worth = sum(each.lesson.was_worth_it for each in followed)
    unclear = sum(not each.is_clear for each in followed)
    parts = sum(not each.copied for each in followed)
    hurt = sum(each.lesson.realised_gain_percent < 0 for each in followed)
    print(
        f"{len(followed)} pieces of advice on {len({each.seed for each in followed})} databases, "
        f"{parts} tried on a part of the table; {worth} gained 20 % and more, {hurt} made their "
        f"statements slower."
    )
    predicted = median(each.advice.predicted_gain_percent for each in followed)
    realised = median(each.lesson.realised_gain_percent for each in followed)
    print(f"Median gain: {predicted:.0f} % predicted, {realised:.0f} % realised.")
    agree = sum((each.work_gain_percent >= 20) == (each.gain_percent >= 20) for each in followed)  # noqa: PLR2004
    print(
        f"The clock's rounds disagreed on {unclear}: there blocks, rows and comparisons decided. "
        f"Counts and clock agree on {agree}."
    )


def print_scores(title: str, scores: Sequence[Score]) -> None:
    """Print a table of ways, and the reliability of the raw and the learnt one."""
    print(f"\n{title}")
    print(f"{'':10} {'Brier':>7} {'95 %':>16} {'over raw':>9} {'95 %':>18}", end=" ")
    print(f"{'log loss':>9} {'over raw':>9} {'95 %':>18} {'better in':>9}")
    for each in scores:
        print(f"{each.way:10} {each.brier:7.4f} {_between(each.brier_interval):>16}", end=" ")
        print(f"{each.brier_over_raw:+9.4f} {_between(each.brier_over_raw_interval):>18}", end=" ")
        print(f"{each.log_loss:9.4f} {each.log_loss_over_raw:+9.4f}", end=" ")
        print(f"{_between(each.log_loss_over_raw_interval):>18} {each.better:9.0%}")
    for each in scores:
        if each.way in ("raw", "learnt"):
            print(f"\n{each.way}: said (|), came true (#), 95 % of it (-)")
            print(*map(_bar, each.bins), sep="\n")


def _between(interval: Interval) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"


def _bar(one: Bin) -> str:
    low, high, true = (
        round(_WIDTH * each) for each in (one.observed.low, one.observed.high, one.observed.value)
    )
    marks = ["-" if low <= place <= high else " " for place in range(_WIDTH + 1)]
    marks[true] = "#"
    marks[round(_WIDTH * one.predicted)] = "|"
    told = (
        f"{one.predicted:5.2f} said, {one.observed.value:5.2f} came true of {one.observed.trials}"
    )
    return f"[{''.join(marks)}] {told}"


def keep(
    name: str, followed: Sequence[Followed], scores: Mapping[str, Sequence[Score]], file: Path
) -> None:
    """Keep a run; others stay."""
    told = {part: [asdict(each) for each in of_part] for part, of_part in scores.items()}
    keep_results(name, {"scores": told, "followed": [asdict(each) for each in followed]}, file)


def read_followed(file: Path, name: str) -> tuple[tuple[Followed, ...], tuple[Followed, ...]]:
    """Return what was followed in a run that is kept, and in all others."""
    runs = json.loads(file.read_text(encoding="utf-8"))
    own = _followed(runs[name])
    return own, tuple(
        each for other, run in runs.items() if other != name for each in _followed(run)
    )


def _followed(run: Mapping[str, Any]) -> tuple[Followed, ...]:
    return tuple(
        Followed(**(each | {"advice": Advice(**each["advice"])})) for each in run["followed"]
    )
