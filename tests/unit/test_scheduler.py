"""The weekly clock, run on a clock that the tests turn."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agentdb.errors import AgentDBError, TargetUnreachable
from agentdb.scheduler import (
    Errand,
    Hands,
    Record,
    Regular,
    Weekday,
    Weekly,
    crontab,
    next_run,
    regular_crontab,
    regular_units,
    run_weekly,
    systemd_units,
)

SUNDAY_AT_TWO = Weekly(Weekday.SUNDAY, 2, 0)
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


class EnoughWeeks(Exception):
    """Ends a clock that would run for ever."""


@dataclass
class World:
    """A clock that sleeping turns, and a job that takes notes and time."""

    time: datetime
    job_takes: timedelta = timedelta(minutes=20)
    suspended_once: timedelta = timedelta()
    runs: list[datetime] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self._turn(timedelta(seconds=seconds) + self.suspended_once)
        self.suspended_once = timedelta()

    def job(self) -> None:
        self.runs.append(self.time)
        self._turn(self.job_takes)

    def run(
        self,
        weeks: int,
        job: Callable[[], None] | None = None,
        regular: Regular | None = None,
        record: Record | None = None,
    ) -> None:
        limit = weeks

        def tell(text: str) -> None:
            self.told.append(text)
            nonlocal limit
            limit -= text.startswith("next run")
            if limit < 0:
                raise EnoughWeeks

        hands = Hands(self.now, self.sleep)
        with pytest.raises(EnoughWeeks):
            run_weekly(job or self.job, SUNDAY_AT_TWO, tell, hands, regular=regular, record=record)

    def _turn(self, by: timedelta) -> None:
        self.time = (self.time.astimezone(UTC) + by).astimezone(self.time.tzinfo)


def test_the_job_runs_once_a_week_at_the_hour() -> None:
    world = World(datetime(2026, 1, 1, 12, tzinfo=UTC))
    world.run(weeks=3)
    assert world.runs == [datetime(2026, 1, day, 2, tzinfo=UTC) for day in (4, 11, 18)]


def test_each_next_run_is_told_before_it_is_waited_for() -> None:
    world = World(datetime(2026, 1, 1, 12, tzinfo=BERLIN))
    world.run(weeks=1)
    assert world.told == [
        "next run: Sunday 2026-01-04 02:00 CET",
        "next run: Sunday 2026-01-11 02:00 CET",
    ]


def test_the_hour_that_comes_twice_in_autumn_is_one_run() -> None:
    world = World(datetime(2027, 10, 30, 12, tzinfo=BERLIN))
    world.run(weeks=2)
    assert world.runs == [
        datetime(2027, 10, 31, 2, tzinfo=BERLIN),
        datetime(2027, 11, 7, 2, tzinfo=BERLIN),
    ]


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK])
def test_the_hour_that_spring_leaves_out_is_no_week_left_out(zone: ZoneInfo) -> None:
    forward = {BERLIN: datetime(2027, 3, 28, 3), NEW_YORK: datetime(2027, 3, 14, 3)}[zone]  # noqa: DTZ001
    forward = forward.replace(tzinfo=zone)
    assert next_run(SUNDAY_AT_TWO, forward - timedelta(days=1)) == forward
    world = World(forward - timedelta(days=1))
    world.run(weeks=2)
    assert world.runs == [forward, (forward + timedelta(days=7)).replace(hour=2)]


def test_a_machine_that_slept_over_the_hour_makes_up_for_it() -> None:
    world = World(datetime(2026, 1, 3, 23, tzinfo=UTC), suspended_once=timedelta(hours=9))
    world.run(weeks=1)
    assert world.runs == [datetime(2026, 1, 4, 8, 1, tzinfo=UTC)]


def test_a_run_missed_by_days_waits_for_the_next_week_and_says_so() -> None:
    world = World(datetime(2026, 1, 3, 23, tzinfo=UTC), suspended_once=timedelta(hours=48))
    world.run(weeks=2)
    assert world.runs == [datetime(2026, 1, 11, 2, tzinfo=UTC)]
    assert "missed a run by 45 h: waiting for next week's" in world.told


def test_a_job_that_takes_weeks_is_not_run_again_for_the_weeks_it_took() -> None:
    world = World(datetime(2026, 1, 1, tzinfo=UTC), job_takes=timedelta(days=16))
    world.run(weeks=2)
    assert world.runs == [datetime(2026, 1, day, 2, tzinfo=UTC) for day in (4, 25)]


def test_a_failed_run_is_told_and_the_clock_goes_on() -> None:
    world = World(datetime(2026, 1, 1, 12, tzinfo=UTC))

    def fail() -> None:
        raise TargetUnreachable("no answer from db.example")

    world.run(weeks=2, job=fail)
    assert world.told.count("this week's run failed: no answer from db.example") == 2


@dataclass
class Kept:
    """A record of when runs were; without one, nothing is known."""

    last: datetime | None = None
    failure: AgentDBError | None = None
    noted: list[datetime] = field(default_factory=list)

    def is_overdue(self, now: datetime) -> bool:
        if self.failure:
            raise self.failure
        return self.last is not None and now - self.last > timedelta(days=8)

    @property
    def record(self) -> Record:
        return Record(self.is_overdue, self.noted.append)


def test_a_run_missed_while_no_clock_ran_is_made_up_for_at_once() -> None:
    thursday = datetime(2026, 1, 1, 12, tzinfo=UTC)
    world, kept = World(thursday), Kept(last=thursday - timedelta(days=9))
    world.run(weeks=1, record=kept.record)
    assert world.runs == [thursday, datetime(2026, 1, 4, 2, tzinfo=UTC)]
    assert kept.noted[0] == datetime(2026, 1, 4, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "kept"),
    [
        (datetime(2026, 1, 1, 12, tzinfo=UTC), Kept()),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), Kept(datetime(2025, 12, 28, 2, tzinfo=UTC))),
        (datetime(2026, 1, 3, 12, tzinfo=UTC), Kept(datetime(2025, 12, 1, 2, tzinfo=UTC))),
    ],
    ids=["there was none yet", "the last is young", "the next is less than a day away"],
)
def test_otherwise_the_hour_is_waited_for(start: datetime, kept: Kept) -> None:
    world = World(start)
    world.run(weeks=1, record=kept.record)
    assert world.runs == [datetime(2026, 1, 4, 2, tzinfo=UTC)]


def test_a_record_that_cannot_be_read_does_not_stop_the_clock() -> None:
    world = World(datetime(2026, 1, 1, 12, tzinfo=UTC))
    world.run(weeks=1, record=Kept(failure=TargetUnreachable("no answer")).record)
    assert "whether a run was missed is not known: no answer" in world.told
    assert len(world.runs) == 1


def test_what_is_regular_is_done_between_the_weekly_runs() -> None:
    world = World(datetime(2026, 1, 4, 0, 50, tzinfo=UTC))
    done: list[datetime] = []
    world.run(weeks=2, regular=Regular(lambda: done.append(world.time), 15))
    assert world.runs == [datetime(2026, 1, day, 2, tzinfo=UTC) for day in (4, 11)]
    early = [(turn.hour, turn.minute) for turn in done][:6]
    assert early == [(1, 0), (1, 15), (1, 30), (1, 45), (2, 30), (2, 45)]


def test_a_machine_that_slept_makes_up_for_one_turn_only() -> None:
    world = World(datetime(2026, 1, 3, 12, 1, tzinfo=UTC), suspended_once=timedelta(hours=5))
    done: list[datetime] = []
    world.run(weeks=0, regular=Regular(lambda: done.append(world.time), 60))
    assert done == []
    world.run(weeks=1, regular=Regular(lambda: done.append(world.time), 60))
    assert [turn.hour for turn in done][:3] == [17, 18, 19]


def test_a_regular_run_that_failed_is_told_and_the_clock_goes_on() -> None:
    world = World(datetime(2026, 1, 4, 0, 50, tzinfo=UTC))

    def fail() -> None:
        raise TargetUnreachable("no answer from db.example")

    world.run(weeks=2, regular=Regular(fail, 60))
    assert world.told.count("a snapshot failed: no answer from db.example") == 1 + 7 * 24 - 1
    assert len(world.runs) == 2


@pytest.mark.parametrize(("minutes", "when"), [(15, "*/15"), (60, "0")])
def test_a_crontab_line_for_what_is_regular(minutes: int, when: str) -> None:
    line = regular_crontab(minutes, Errand(["agentdb", "snapshot"], Path("/srv/shop")))
    assert line == f"{when} * * * * cd /srv/shop && agentdb snapshot"


@pytest.mark.parametrize(("minutes", "when"), [(15, "*:0/15"), (60, "*:00")])
def test_units_for_what_is_regular(minutes: int, when: str) -> None:
    units = regular_units(minutes, Errand(["agentdb", "snapshot"], Path("/srv/shop")), "shop")
    assert f"\nOnCalendar={when}\n" in units
    assert "agentdb-snapshot.timer" in units
    assert "audit" not in units


def test_an_interrupt_ends_the_job_and_the_clock() -> None:
    world = World(datetime(2026, 1, 1, 12, tzinfo=UTC))

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_weekly(interrupted, SUNDAY_AT_TWO, world.told.append, Hands(world.now, world.sleep))


def test_a_crontab_line_says_when_where_and_what() -> None:
    errand = Errand(["agentdb", "audit"], Path("/srv/shop"))
    line = crontab(Weekly(Weekday.FRIDAY, 3, 5), errand).splitlines()[-1]
    assert line == "5 3 * * fri cd /srv/shop && agentdb audit"


@pytest.mark.parametrize("word", ["two words", "100%", "it's", 'a "b"', "$HOME", "a;b", "ünï"])
def test_a_crontab_line_survives_odd_names(word: str) -> None:
    line = crontab(SUNDAY_AT_TWO, Errand(["agentdb", word], Path("/srv") / word)).splitlines()[-1]
    command = line.split(maxsplit=5)[5].replace(r"\%", "%")
    assert shlex.split(command) == ["cd", f"/srv/{word}", "&&", "agentdb", word]


def test_the_units_run_the_errand_as_the_user_at_the_hour() -> None:
    errand = Errand(["/opt/my tools/python", "-m", "agentdb", "100%"], Path("/srv/shop"))
    units = systemd_units(SUNDAY_AT_TWO, errand, "shop").splitlines()
    assert {
        "User=shop",
        "WorkingDirectory=/srv/shop",
        'ExecStart="/opt/my tools/python" -m agentdb 100%%',
        "OnCalendar=Sun *-*-* 02:00:00",
        "Persistent=true",
    } <= set(units)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a b"], '"a b"'),
        (['say "hi"'], r'"say \"hi\""'),
        (["$HOME"], "$$HOME"),
        (["back\\slash"], r"back\\slash"),
    ],
)
def test_systemd_reads_each_word_as_it_was(words: Sequence[str], expected: str) -> None:
    units = systemd_units(SUNDAY_AT_TWO, Errand(words, Path("/")), "shop")
    assert f"\nExecStart={expected}\n" in units
