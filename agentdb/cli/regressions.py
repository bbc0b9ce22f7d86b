"""`agentdb regressions`: what got slower in the last week, and why?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, print_text, say
from agentdb.cli.targets import TargetOption
from agentdb.delivery.words import between_percent, first_line, milliseconds, seconds
from agentdb.settings import read_settings

if TYPE_CHECKING:  # SQLAlchemy and numpy, which --help does without
    from agentdb.wiring.regressions import RegressionReport, StatementChange

EXAMPLE = "Example: agentdb regressions --target postgresql://reader@db.example/shop --all"

REGRESSED = 10
"""The exit code of `--exit-code` when something got slower."""

_LONGEST_QUERY = 60
_OLD = timedelta(days=2)  # a reading after which the week cannot be told to its end

AllOption = Annotated[
    bool, typer.Option("--all", help="Also what got faster, is new, or is called no more.")
]
ExitCodeOption = Annotated[
    bool, typer.Option("--exit-code", help=f"End with {REGRESSED} if something got slower.")
]


def regressions(
    *,
    target: TargetOption = None,
    all_: AllOption = False,
    format_: FormatOption = Format.TABLE,
    exit_code: ExitCodeOption = False,
) -> None:
    """Tell what got slower in the last week beyond noise, what that costs, and why."""
    from agentdb.wiring.regressions import (  # noqa: PLC0415 - --help does without numpy
        find_regressions,
    )

    found = find_regressions(read_settings(target_url=target))
    shown = found.of("slower", "faster", "new", "gone") if all_ else found.of("slower")
    if format_ == Format.JSON:
        print_json(replace(found, statements=shown))
    _say(found)
    if format_ == Format.TABLE:
        _show(found, shown)
    if exit_code and found.regressed:
        raise typer.Exit(REGRESSED)


def _say(found: RegressionReport) -> None:
    """Say what stands between the reader and an answer."""
    if found.read_at is None:
        say(
            f"{found.target} was read less than twice: run `agentdb snapshot` now and then, "
            "or leave it to `agentdb schedule --snapshots 15`"
        )
    elif not found.has_enough:
        say(f"not enough data: {_lacking(found)}")
    elif found.until - found.read_at > _OLD:
        say(f"{found.target} was last read on {found.read_at:%Y-%m-%d}: run `agentdb snapshot`")


def _lacking(found: RegressionReport) -> str:
    there = f"{found.weeks} of the weeks before can be compared with, {found.weeks_needed} needed"
    if found.enough_from is None:
        return f"{there}; what was called in this one was not called in those, or nobody looked"
    return f"{there}; there will be enough from {found.enough_from:%Y-%m-%d} on"


def _show(found: RegressionReport, shown: tuple[StatementChange, ...]) -> None:
    if not found.has_enough:
        return
    if found.machine.verdict in {"slower", "faster"}:
        print_text(_machine(found))
    if shown:
        columns = ("what", "statement", "ms per call", "change", "lost a week", "why")
        print_table(columns, map(_row, shown))
    if not found.of("slower"):
        week = f"from {found.since:%Y-%m-%d} to {found.until:%Y-%m-%d}"
        say(f"no statement got slower {week}, against {found.weeks} weeks before")
    if untold := len(found.of("not enough data")):
        say(f"{untold} of {len(found.statements)} statements were called too rarely to tell")


def _machine(found: RegressionReport) -> str:
    machine, percent = found.machine, found.machine.percent
    by = percent and between_percent(percent.value, percent.low, percent.high)
    why = machine.causes[0].sentence if machine.causes else "nothing in the catalog tells why"
    return f"The whole machine got {machine.verdict}, the middle statement by {by}: {why}."


def _row(change: StatementChange) -> tuple[object, ...]:
    percent, lost = change.percent, change.lost_ms_per_week
    return (
        change.verdict,
        first_line(change.query, _LONGEST_QUERY),
        f"{_each(change.before_ms)} → {_each(change.after_ms)}",
        percent and between_percent(percent.value, percent.low, percent.high),
        lost and seconds(lost.value),
        change.causes[0].sentence if change.causes else change.reason,
    )


def _each(duration_ms: float | None) -> str:
    return "" if duration_ms is None else milliseconds(duration_ms)
