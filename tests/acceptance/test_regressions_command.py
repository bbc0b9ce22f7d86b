"""`agentdb regressions`, as a shell sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agentdb import database
from agentdb.repositories.snapshots import SnapshotRepository
from tests.acceptance.running import agentdb, places, printed
from tests.readings import daily

NOWHERE = "postgresql://nobody@db.invalid/shop"  # the target is not asked


@pytest.fixture
def unread(database_url: str) -> Mapping[str, str]:
    """The settings of a target of which there are no readings."""
    return places(database_url, NOWHERE)


def keep(unread: Mapping[str, str], weeks: int, factor: float, only: str | None = None) -> None:
    """Keep readings until this hour."""
    engine = database.make_engine(unread["database_url"])
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(weeks=weeks)
    with database.session(engine) as session:
        for reading in daily(weeks, factor, only=only, start=start):
            SnapshotRepository(session).keep(replace(reading, target="db.invalid/shop"))
    engine.dispose()


def test_without_readings_one_line_says_what_to_run(unread: Mapping[str, str]) -> None:
    done = agentdb("regressions", "--exit-code", **unread)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "db.invalid/shop was read less than twice: run `agentdb snapshot` now and then, "
        "or leave it to `agentdb schedule --snapshots 15`\n"
    )
    found = printed("regressions", **unread)
    assert (found["read_at"], found["statements"]) == (None, [])


def test_too_few_weeks_are_one_line_with_the_day_from_which_on_there_are_enough(
    unread: Mapping[str, str],
) -> None:
    keep(unread, 2, 3, "c")
    done = agentdb("regressions", "--all", "--exit-code", **unread)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(
        "not enough data: 1 of the weeks before can be compared with, 2 needed; "
        "there will be enough from 20"
    )
    assert done.stderr.count("\n") == 1


def test_what_got_slower_is_shown_with_its_price_and_its_cause(unread: Mapping[str, str]) -> None:
    keep(unread, 4, 3, "c")
    done = agentdb("regressions", "--exit-code", **unread)
    assert (done.returncode, done.stderr) == (10, "")
    (line,) = [line for line in done.stdout.splitlines() if "SELECT c" in line]
    assert "→ 28.4 " in line
    assert "a setting changed" in line
    assert "SELECT d" not in done.stdout
    assert agentdb("regressions", **unread).returncode == 0
    found = printed("regressions", **unread)
    (change,) = found["statements"]
    assert (change["query"], change["verdict"]) == ("SELECT c", "slower")
    assert change["percent"]["low"] < 200 < change["percent"]["high"]
    assert [cause["kind"] for cause in change["causes"]] == ["setting changed", "restart"]
    assert found["machine"]["verdict"] == "unchanged"


def test_what_got_faster_is_shown_when_all_is_asked_for(unread: Mapping[str, str]) -> None:
    keep(unread, 4, 0.4, "c")
    done = agentdb("regressions", "--exit-code", **unread)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no statement got slower from 20" in done.stderr
    assert "SELECT c" in agentdb("regressions", "--all", **unread).stdout
    (change,) = printed("regressions", "--all", **unread)["statements"]
    assert change["verdict"] == "faster"


def test_a_machine_that_got_slower_is_told_once(unread: Mapping[str, str]) -> None:
    keep(unread, 4, 1.5)
    done = agentdb("regressions", "--exit-code", **unread)
    assert done.returncode == 10
    assert done.stdout.startswith("The whole machine got slower, the middle statement by ")
    assert "a setting changed between" in done.stdout
    assert "SELECT" not in done.stdout
