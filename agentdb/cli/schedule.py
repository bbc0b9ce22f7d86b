"""`agentdb schedule`: a weekly audit, by a clock of our own or by the system's."""

from __future__ import annotations

import getpass
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agentdb.cli.output import print_text, say
from agentdb.scheduler import (
    Errand,
    Weekday,
    Weekly,
    crontab,
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
    audit_options: Annotated[
        list[str] | None, typer.Argument(help="After --, what `agentdb audit` is to be given.")
    ] = None,
) -> None:
    """Audit every week, in the foreground, until stopped."""
    moment = Weekly(day, at.hour, at.minute)
    command = [sys.executable, "-m", "agentdb", "audit", *(audit_options or [])]
    errand = Errand(command, Path.cwd())
    match print_:
        case Clock.CRON:
            print_text(crontab(moment, errand))
        case Clock.SYSTEMD:
            print_text(systemd_units(moment, errand, getpass.getuser()))
        case None:
            run_weekly(lambda: run_errand(errand), moment, say)
