"""`agentdb schedule`: a weekly audit, by a clock of our own or by the system's."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agentdb.cli.output import print_text, say
from agentdb.scheduler import (
    Errand,
    Regular,
    Weekday,
    Weekly,
    crontab,
    regular_crontab,
    regular_units,
    run_errand,
    run_weekly,
    systemd_units,
)

EXAMPLE = "Example: agentdb schedule --day sat --at 03:30 -- --report audit.md"


class Clock(StrEnum):
    """A clock of the system that can run the audit."""

    CRON = "cron"
    SYSTEMD = "systemd"


def schedule(
    day: Annotated[Weekday, typer.Option(help="Day of the week.")] = Weekday.SUNDAY,
    at: Annotated[
        datetime,
        typer.Option(
            formats=["%H:%M"],
            metavar="HH:MM",
            help="Time of day on this machine's clock.",
            show_default="02:00",
        ),
    ] = datetime(1, 1, 1, 2, 0),  # noqa: DTZ001 - a time of day, on whatever clock
    print_: Annotated[
        Clock | None,
        typer.Option("--print", help="Print what the system's own clock needs, and go."),
    ] = None,
    snapshots: Annotated[
        int,
        typer.Option(
            min=0, max=60, metavar="MINUTES", help="A snapshot every so often, too; 0: none."
        ),
    ] = 0,
    audit_options: Annotated[
        list[str] | None, typer.Argument(help="After --, what `agentdb audit` is to be given.")
    ] = None,
) -> None:
    """Audit every week, in the foreground, until stopped."""
    moment = Weekly(day, at.hour, at.minute)
    options = audit_options or []
    errand = _errand("audit", *options)
    snapshot = _errand("snapshot", *_target_in(options))
    if print_:
        print_text(_printed(print_, moment, errand))
        if snapshots:
            print_text(_printed_regular(print_, snapshots, snapshot))
        return
    beside = Regular(lambda: run_errand(snapshot), snapshots) if snapshots else None
    run_weekly(lambda: run_errand(errand), moment, say, regular=beside)


def _printed(clock: Clock, moment: Weekly, errand: Errand) -> str:
    if clock == Clock.CRON:
        return crontab(moment, errand)
    return systemd_units(moment, errand, getpass.getuser())


def _printed_regular(clock: Clock, minutes: int, errand: Errand) -> str:
    if clock == Clock.CRON:
        return regular_crontab(minutes, errand)
    return "\n" + regular_units(minutes, errand, getpass.getuser())


def _errand(*words: str) -> Errand:
    return Errand([sys.executable, "-m", "agentdb", *words], Path.cwd())


def _target_in(options: Sequence[str]) -> Sequence[str]:
    """Return the options by which an audit is told its target."""
    for position, option in enumerate(options):
        if option == "--target":
            return options[position : position + 2]
        if option.startswith("--target="):
            return [option]
    return []
