"""`agentdb schedule`: the weekly run, by a clock of our own or by the system's."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Never

import typer

from agentdb.cli.output import print_text, say
from agentdb.scheduler import (
    Errand,
    Record,
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
from agentdb.settings import read_settings

EXAMPLE = "Example: agentdb schedule --day sat --at 03:30 -- --digest week.md"


class Clock(StrEnum):
    """A clock of the system that can do it."""

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
    options: Annotated[
        list[str] | None, typer.Argument(help="After --, what `agentdb weekly` is to be given.")
    ] = None,
) -> None:
    """Run `agentdb weekly` every week, in the foreground, until stopped."""
    plan = _Plan(Weekly(day, at.hour, at.minute), options or [], snapshots)
    match print_:
        case Clock.CRON:
            print_text(plan.crontab())
        case Clock.SYSTEMD:
            print_text(plan.systemd_units(getpass.getuser()))
        case None:
            plan.run()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done when; `minutes` lie between two snapshots, 0: none."""

    moment: Weekly
    options: Sequence[str]
    minutes: int

    def crontab(self) -> str:
        line = crontab(self.moment, self._week())
        return (
            f"{line}\n{regular_crontab(self.minutes, self._snapshot())}" if self.minutes else line
        )

    def systemd_units(self, user: str) -> str:
        units = systemd_units(self.moment, self._week(), user)
        if not self.minutes:
            return units
        return f"{units}\n\n{regular_units(self.minutes, self._snapshot(), user)}"

    def run(self) -> Never:
        week, snapshot = self._week(), self._snapshot()
        beside = Regular(lambda: run_errand(snapshot), self.minutes) if self.minutes else None
        run_weekly(
            lambda: run_errand(week), self.moment, say, regular=beside, record=self._record()
        )

    def _week(self) -> Errand:
        return _errand("weekly", *self.options)

    def _snapshot(self) -> Errand:
        return _errand("snapshot", *_target_in(self.options))

    def _record(self) -> Record:
        from agentdb.wiring.weekly import is_overdue, note_next_run  # noqa: PLC0415 - likewise

        target = _target_url(self.options)
        return Record(
            lambda now: is_overdue(read_settings(target_url=target), now=now),
            lambda due: note_next_run(read_settings(target_url=target), due),
        )


def _errand(*words: str) -> Errand:
    return Errand([sys.executable, "-m", "agentdb", *words], Path.cwd())


def _target_in(options: Sequence[str]) -> Sequence[str]:
    """Return the options by which a run is told its target."""
    for position, option in enumerate(options):
        if option == "--target":
            return options[position : position + 2]
        if option.startswith("--target="):
            return [option]
    return []


def _target_url(options: Sequence[str]) -> str | None:
    told = _target_in(options)
    return told[-1].removeprefix("--target=") if told else None
