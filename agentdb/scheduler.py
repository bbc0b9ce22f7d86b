"""The weekly clock: one job at one hour of one day, and a small one every few minutes beside it.

APScheduler's trigger says when. Its schedulers would run the job in a thread that Ctrl-C does not
reach; here the job runs in the caller's thread, so an interrupt stops a run as it would
without a clock, and two runs can never overlap.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Never

from apscheduler.triggers.cron import CronTrigger
from tzlocal import get_localzone

from agentdb.errors import AgentDBError

MISFIRE_GRACE_SECONDS = 12 * 3600
"""A run that is late by less is made up for (the machine slept); another waits for next week."""

# A suspended machine suspends a long sleep too: look at the wall clock now and then.
_LOOK_AGAIN_SECONDS = 60.0

_HOUR_MINUTES = 60
_SOON_SECONDS = 24 * 3600


class Weekday(StrEnum):
    """A day as cron, systemd and APScheduler all read it."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


@dataclass(frozen=True, slots=True)
class Weekly:
    """One moment of the week, read on the wall clock of wherever it is asked."""

    day: Weekday
    hour: int
    minute: int


@dataclass(frozen=True, slots=True)
class Regular:
    """What is done every so many minutes of the hour (1 to 60), beside the weekly job."""

    job: Callable[[], None]
    minutes: int


@dataclass(frozen=True, slots=True)
class Record:
    """What outlives the clock: whether a run was missed while it was off, and what it plans."""

    is_overdue: Callable[[datetime], bool]
    note_next: Callable[[datetime], None]


@dataclass(frozen=True, slots=True)
class Errand:
    """A program with its arguments, and the folder to start it in."""

    command: Sequence[str]
    folder: Path


def next_run(moment: Weekly, after: datetime) -> datetime:
    """Return the first `moment` from `after` on, in the time zone of `after`.

    An hour that summer time leaves out is run at the same instant by the clock's new reading;
    one that comes twice is run the first time.
    """
    trigger = CronTrigger(
        day_of_week=moment.day, hour=moment.hour, minute=moment.minute, timezone=after.tzinfo
    )
    due: datetime = trigger.get_next_fire_time(None, after)
    return datetime.fromtimestamp(due.timestamp(), after.tzinfo)


def local_now() -> datetime:
    """Return the time in the machine's own zone (not only its offset of today)."""
    return datetime.now(get_localzone())


@dataclass(frozen=True, slots=True)
class Hands:
    """How the time is read and passed."""

    now: Callable[[], datetime] = local_now
    sleep: Callable[[float], None] = time.sleep


def run_weekly(
    job: Callable[[], None],
    moment: Weekly,
    tell: Callable[[str], None],
    hands: Hands = Hands(),
    *,
    regular: Regular | None = None,
    record: Record | None = None,
) -> Never:
    """Run `job` every week at `moment` by the clock of `hands`, until the process is interrupted.

    `regular` is done meanwhile; what falls into the time that `job` takes is left out. With a
    `record`, a run that was missed while no clock ran is made up for at once, unless the next is
    less than a day away, and each next run is noted there.

    `tell` is given a line about each next run, each run that failed and each that was missed; a
    failed run does not stop the clock.
    """
    now = hands.now
    if record and _was_missed(record, moment, now(), tell):
        _run(job, 0, tell)
    due = next_run(moment, now())
    while True:
        tell(f"next run: {due:%A %Y-%m-%d %H:%M %Z}")
        if record:
            _attempt(partial(record.note_next, due), "noting the next run", tell)
        _wait(due, regular, tell, hands)
        _run(job, _seconds(due, now()), tell)
        # A day on: in autumn the same hour may come a second time.
        due = next_run(moment, max(now(), due + timedelta(days=1)))


def _was_missed(record: Record, moment: Weekly, now: datetime, tell: Callable[[str], None]) -> bool:
    if _seconds(now, next_run(moment, now)) < _SOON_SECONDS:
        return False
    try:
        missed = record.is_overdue(now)
    except AgentDBError as error:
        tell(f"whether a run was missed is not known: {error}")
        return False
    if missed:
        tell("a run was missed or broken off while no clock ran: it is made up for now")
    return missed


def _wait(
    due: datetime,
    regular: Regular | None,
    tell: Callable[[str], None],
    hands: Hands,
) -> None:
    """Wait for a moment, and do what is regularly to be done until then."""
    now = hands.now
    turn = _next_turn(regular, now(), due)
    while (seconds := _seconds(now(), due)) > 0:
        hands.sleep(min(seconds, max(_seconds(now(), turn), 0), _LOOK_AGAIN_SECONDS))
        if regular and turn <= now() < due:
            _attempt(regular.job, "a snapshot", tell)
            turn = _next_turn(regular, now(), due)


def _next_turn(regular: Regular | None, after: datetime, latest: datetime) -> datetime:
    """Return when what is regular is to be done next: a multiple of its minutes."""
    if regular is None:
        return latest
    seconds = regular.minutes * 60
    return datetime.fromtimestamp((after.timestamp() // seconds + 1) * seconds, after.tzinfo)


def run_errand(errand: Errand) -> None:
    """Run `errand` to its end; an interrupt asks it to end as well, once, and waits for it.

    A process of its own reads the settings afresh every week and gives all its memory back; in a
    group of its own it is not interrupted a second time by the terminal.
    """
    with subprocess.Popen(  # noqa: S603 - our own command line
        errand.command, cwd=errand.folder, process_group=0
    ) as process:
        try:
            process.wait()
        finally:
            process.terminate()
            process.wait()


def _run(job: Callable[[], None], late_seconds: float, tell: Callable[[str], None]) -> None:
    if late_seconds > MISFIRE_GRACE_SECONDS:
        tell(f"missed a run by {late_seconds / 3600:.0f} h: waiting for next week's")
        return
    _attempt(job, "this week's run", tell)


def _attempt(job: Callable[[], None], what: str, tell: Callable[[str], None]) -> None:
    try:
        job()
    except AgentDBError as error:
        tell(f"{what} failed: {error}")


def _seconds(start: datetime, end: datetime) -> float:
    # Between two times of one zone, `end - start` would forget a change to summer time.
    return end.timestamp() - start.timestamp()


def crontab(moment: Weekly, errand: Errand) -> str:
    """Return the crontab line that runs `errand` at `moment`, under a comment on where it goes."""
    return f"{_CRONTAB_NOTE}{moment.minute} {moment.hour} * * {moment.day} {_cron_command(errand)}"


def regular_crontab(minutes: int, errand: Errand) -> str:
    """Return the crontab line that runs `errand` every so many minutes of the hour."""
    when = "0" if minutes == _HOUR_MINUTES else f"*/{minutes}"
    return f"{when} * * * * {_cron_command(errand)}"


def _cron_command(errand: Errand) -> str:
    line = f"cd {shlex.quote(str(errand.folder))} && {shlex.join(errand.command)}"
    # In a crontab a bare per cent sign ends the command.
    return line.replace("%", r"\%")


def systemd_units(moment: Weekly, errand: Errand, user: str) -> str:
    """Return a service that runs `errand` as `user`, and its timer, each under its file name."""
    calendar = f"{moment.day.capitalize()} *-*-* {moment.hour:02}:{moment.minute:02}:00"
    return _units("weekly", "Weekly run", calendar, errand, user)


def regular_units(minutes: int, errand: Errand, user: str) -> str:
    """Return the same for what runs every so many minutes of the hour."""
    calendar = "*:00" if minutes == _HOUR_MINUTES else f"*:0/{minutes}"
    return _units("snapshot", "Snapshots", calendar, errand, user)


def _units(name: str, what: str, calendar: str, errand: Errand, user: str) -> str:
    return _SYSTEMD_UNITS.format(
        name=name,
        what=what,
        calendar=calendar,
        user=_unit_word(user),
        folder=_unit_text(str(errand.folder)),
        command=" ".join(map(_unit_word, errand.command)),
    )


def _unit_word(text: str) -> str:
    escaped = _unit_text(text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$"))
    return f'"{escaped}"' if re.search(r"[\s'\";]", text) else escaped


def _unit_text(text: str) -> str:
    return text.replace("%", "%%")


_CRONTAB_NOTE = """\
# The weekly run of agentdb: add it with `crontab -e`. Cron does not know the variables of
# your shell: put the settings into agentdb.toml in the folder that the line goes to. For a
# machine that is off now and then: every day, with --if-due at the end.
"""

_SYSTEMD_UNITS = """\
# /etc/systemd/system/agentdb-{name}.service
[Unit]
Description={what} of agentdb
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={user}
WorkingDirectory={folder}
# Settings with passwords, one NAME=value a line, readable by root only.
EnvironmentFile=-/etc/agentdb.env
ExecStart={command}

# /etc/systemd/system/agentdb-{name}.timer
[Unit]
Description={what} of agentdb

[Timer]
OnCalendar={calendar}
Persistent=true

[Install]
WantedBy=timers.target

# Then: systemctl daemon-reload && systemctl enable --now agentdb-{name}.timer"""
