"""The weekly clock: one job, at one hour of one day, for as long as the program runs.

APScheduler's trigger says when. Its schedulers would run the job in a thread that Ctrl-C does not
reach; here the job runs in the caller's thread, so an interrupt stops an audit as it would
without a clock, and two runs can never overlap.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Never

from apscheduler.triggers.cron import CronTrigger
from tzlocal import get_localzone

from agentdb.errors import AgentDBError, BadSetting

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

MISFIRE_GRACE_SECONDS = 12 * 3600
"""A run that is late by less is made up for (the machine slept); another waits for next week."""

# A suspended machine suspends a long sleep too: look at the wall clock now and then.
_LOOK_AGAIN_SECONDS = 60.0

_WEEKDAYS: dict[str, Weekday] = {
    "monday": "mon",
    "tuesday": "tue",
    "wednesday": "wed",
    "thursday": "thu",
    "friday": "fri",
    "saturday": "sat",
    "sunday": "sun",
}


@dataclass(frozen=True, slots=True)
class Weekly:
    """One moment of the week, read on the wall clock of wherever it is asked.

    >>> Weekly.parse("sunday", "02:00")
    Weekly(day='sun', hour=2, minute=0)
    """

    day: Weekday
    hour: int
    minute: int

    @classmethod
    def parse(cls, day: str, at: str) -> Weekly:
        """Return the moment named by an English day (`sunday`, `sun`) and `HH:MM`.

        Raises BadSetting for anything else.
        """
        return cls(_weekday(day), *_hour_and_minute(at))

    def __str__(self) -> str:
        return f"{self.day.capitalize()} {self.hour:02}:{self.minute:02}"


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


def run_weekly(
    job: Callable[[], None],
    moment: Weekly,
    tell: Callable[[str], None],
    now: Callable[[], datetime] = local_now,
    sleep: Callable[[float], None] = time.sleep,
) -> Never:
    """Run `job` every week at `moment` by the clock `now`, until the process is interrupted.

    `tell` is given a line about each next run, each run that failed and each that was missed; a
    failed run does not stop the clock.
    """
    due = next_run(moment, now())
    while True:
        tell(f"next audit: {due:%A %Y-%m-%d %H:%M %Z}")
        while (seconds := _seconds(now(), due)) > 0:
            sleep(min(seconds, _LOOK_AGAIN_SECONDS))
        _run(job, _seconds(due, now()), tell)
        # A day on: in autumn the same hour may come a second time.
        due = next_run(moment, max(now(), due + timedelta(days=1)))


def _run(job: Callable[[], None], late_seconds: float, tell: Callable[[str], None]) -> None:
    if late_seconds > MISFIRE_GRACE_SECONDS:
        tell(f"missed an audit by {late_seconds / 3600:.0f} h: waiting for next week's")
        return
    try:
        job()
    except AgentDBError as error:
        tell(f"this week's audit failed: {error}")


def _seconds(start: datetime, end: datetime) -> float:
    # Between two times of one zone, `end - start` would forget a change to summer time.
    return end.timestamp() - start.timestamp()


def _weekday(text: str) -> Weekday:
    for name, day in _WEEKDAYS.items():
        if text.lower() in (name, day):
            return day
    raise BadSetting(f"{text!r} is no day of the week: write sunday, or sun")


def _hour_and_minute(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
    if match is None:
        raise BadSetting(f"{text!r} is no time of day: write it as 02:00")
    return int(match[1]), int(match[2])
