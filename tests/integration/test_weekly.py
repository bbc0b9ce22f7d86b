"""A week in one go, on a real target and a real forge: each step once, whatever happens."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from agentdb import database
from agentdb.database import make_engine
from agentdb.embedded.server import start as start_server
from agentdb.embedded.server import status as server_status
from agentdb.embedded.server import stop as stop_server
from agentdb.models.run import StepStatus
from agentdb.repositories.audits import AuditRepository
from agentdb.repositories.deliveries import Delivery, DeliveryRepository
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.repositories.runs import Run, RunRepository, RunStep
from agentdb.settings import read_settings
from agentdb.target.connection import describe
from agentdb.wiring.alone import is_week_running
from agentdb.wiring.status import read_status
from agentdb.wiring.week import STEPS, Order
from agentdb.wiring.weekly import WeekReport, is_overdue, note_next_run, run_week
from tests.acceptance.running import open_shop
from tests.forges import TOKEN, Answer, Fault, Loopback, Moment, loopback
from tests.hooks import Hook, listening
from tests.servers import new_database, reachable_folder, run, value
from tests.weeks import start

NAMES = tuple(step.name for step in STEPS)
GONE = "postgresql://nobody@127.0.0.1:1/none"


@dataclass
class Shop:
    """A target with work to do, a forge and a chat; our own tables are elsewhere."""

    engine: Engine
    forge: Loopback
    hook: Hook
    digest: Path
    settings: dict[str, object]
    target: str = field(init=False)

    def __post_init__(self) -> None:
        self.target = describe(str(self.settings["target_url"]))

    def week(self, order: Order | None = None, **changes: object) -> WeekReport:
        """Run a week here."""
        return run_week(read_settings(**self.settings | changes), _silent, order)

    def run(self) -> Run:
        with database.session(self.engine) as session:
            last = RunRepository(session).latest(self.target)
        assert last is not None
        return last

    def steps(self) -> Mapping[str, StepStatus]:
        return {step.name: step.status for step in self.run().steps}

    def step(self, name: str) -> RunStep:
        step = self.run().step(name)
        assert step is not None
        return step

    def sent(self) -> Mapping[str, Delivery]:
        with database.session(self.engine) as session:
            rows = DeliveryRepository(session).list()
        return {row.topic: row for row in rows}

    def count(self, table: str) -> object:
        return value(str(self.settings["database_url"]), f"SELECT count(*) FROM agentdb.{table}")


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


@contextmanager
def opened(database_url: str, target_url: str, folder: Path) -> Iterator[Shop]:
    open_shop(target_url)
    engine = make_engine(database_url)
    with loopback("github", folder / "served") as forge, listening() as hook:
        settings: dict[str, object] = {
            "database_url": database_url,
            "target_url": target_url,
            "embedding_model": "hashing",
            "watch_seconds": 0,
            "deliver_to": "github",
            "deliver_repository": forge.address,
            "deliver_confidence": 0.5,
            "webhook_url": hook.url,
        }
        yield Shop(engine, forge, hook, folder / "week.md", settings)
    engine.dispose()


@pytest.fixture
def shop(
    database_url: str, target_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with opened(database_url, target_url, tmp_path) as shop:
        yield shop


# A straight line ----------------------------------------------------------------------------------


def test_a_week_does_all_its_steps_in_their_order(shop: Shop) -> None:
    done = shop.week(Order(digest=shop.digest))
    assert done.status == "finished", done.failed
    assert tuple(step.name for step in done.steps) == NAMES
    assert {step.status for step in done.steps} == {"finished"}
    assert [step.attempts for step in done.steps] == [1] * len(NAMES)
    assert len(shop.forge.requests) == shop.count("optimizations") == 2
    assert shop.step("deliver").summary == {"opened": 2}
    assert "2 new recommendations" in shop.digest.read_text()
    ((_, text, _),) = shop.hook.sent
    assert "2 new recommendations" in text


def test_the_next_week_repeats_nothing_outward(shop: Shop) -> None:
    shop.week()
    shop.week()
    assert shop.count("runs") == 2
    summary = shop.step("deliver").summary
    assert isinstance(summary, Mapping)
    assert set(summary) <= {"unchanged", "updated"}  # figures may be others
    assert (len(shop.forge.requests), len(shop.hook.sent)) == (2, 1)


def test_what_is_found_after_the_digest_of_a_day_is_told_in_the_next(shop: Shop) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    evening, next_week = today + timedelta(hours=23, minutes=59), today + timedelta(days=7)
    run_week(read_settings(**shop.settings, min_calls=10**9), _silent, now=today)
    for moment in (evening, next_week):
        run_week(read_settings(**shop.settings), _silent, now=moment)
    first, second = (text for _, text, _ in shop.hook.sent)
    assert "new recommendation" not in first
    assert "2 new recommendations" in second


def test_nothing_goes_out_unless_it_is_asked_for(shop: Shop) -> None:
    done = shop.week(deliver_to=None, webhook_url=None)
    skipped = {step.name: step.reason for step in done.steps if step.status == "skipped"}
    assert (done.status, sorted(skipped)) == ("finished", ["deliver", "digest", "follow"])
    assert skipped["deliver"] == "neither --deliver nor AGENTDB_DELIVER_TO is given"
    assert (shop.forge.asked, shop.hook.sent, shop.count("deliveries")) == ([], [], 0)


def test_what_is_accepted_becomes_files_where_a_dialect_is_given(
    shop: Shop, tmp_path: Path
) -> None:
    repository = tmp_path / "application"
    repository.mkdir()
    order, here = Order(dialect="sql"), {"deliver_repository": str(repository)}
    shop.week(order, **here)
    assert shop.step("deliver").reason == "nothing is accepted"
    with database.session(shop.engine) as session:
        record = OptimizationRepository(session)
        record.decide(record.list()[0].id, "accepted")
    shop.week(order, **here)
    assert len(list(repository.rglob("*.sql"))) == 2
    assert shop.forge.asked == []


# What fails ---------------------------------------------------------------------------------------


def test_a_target_that_is_gone_fails_what_needs_it_and_nothing_else(shop: Shop) -> None:
    done = shop.week(target_url=GONE)
    assert done.status == "failed"
    assert {step.name: step.status for step in done.steps} == {
        **dict.fromkeys(NAMES, "finished"),
        "snapshot": "failed",
        "audit": "failed",
        "deliver": "skipped",
    }
    assert done.steps[-1].reason == "it needs the audit, which failed"
    assert "cannot connect to 127.0.0.1:1/none" in str(done.failed[0].reason)
    ((_, text, _),) = shop.hook.sent
    assert "*failed:* audit: cannot connect to 127.0.0.1:1/none" in text


def test_a_forge_that_refuses_fails_the_delivery_and_the_next_run_sends_it(shop: Shop) -> None:
    shop.forge.faults.extend([Fault("POST", Answer(403, {"message": "no scope"}))] * 2)
    done = shop.week()
    assert [step.name for step in done.failed] == ["deliver"]
    assert "2 of 2 failed" in str(done.failed[0].reason)
    assert shop.week().status == "finished"
    assert len(shop.forge.requests) == 2


def test_a_run_that_ended_is_not_taken_up_though_steps_of_it_failed(shop: Shop) -> None:
    failed = shop.week(target_url=GONE)
    again = shop.week(target_url=GONE)
    assert failed.started_at != again.started_at


# Killed -------------------------------------------------------------------------------------------


def wait_until_unheld(shop: Shop) -> None:
    """The server gives a lock back once it has noticed that its holder is gone."""
    until = time.monotonic() + 20
    while is_week_running(shop.engine, shop.target):
        assert time.monotonic() < until, "the lock of a killed run is held on"
        time.sleep(0.05)


def finish(shop: Shop, killed_in: str) -> None:
    """Run again, twice: the first run goes on where the killed one was, the second is idle."""
    assert shop.steps()[killed_in] == "running"
    wait_until_unheld(shop)
    status = read_status(read_settings(**shop.settings)).last_run
    assert status is not None
    assert status.status == "interrupted"
    assert start(shop.settings, shop.digest, if_due=True).end() == (0, "finished")
    code, said = start(shop.settings, shop.digest, if_due=True).end()
    assert (code, said.split()[0]) == (0, "idle")
    assert shop.count("runs") == 1
    assert shop.run().status == "finished"
    attempts = {step.name: step.attempts for step in shop.run().steps}
    assert attempts == {**dict.fromkeys(NAMES, 1), killed_in: 2}
    assert set(shop.steps().values()) == {"finished"}
    assert len(shop.forge.requests) == shop.count("optimizations") == 2
    assert len(set(shop.forge.opened())) == 2
    assert len(set(shop.hook.keys)) == 1
    assert "2 new recommendations" in shop.digest.read_text()
    assert {row.state for row in shop.sent().values()} == {"sent"}


@pytest.mark.parametrize("name", NAMES)
def test_who_is_killed_at_a_step_loses_and_repeats_nothing(shop: Shop, name: str) -> None:
    killed = start(shop.settings, shop.digest, killed_at=name)
    assert killed.end() == (-signal.SIGKILL, "")
    assert set(list(shop.steps().values())[:-1]) <= {"finished"}
    finish(shop, name)
    assert len(shop.hook.sent) == 1


def test_who_is_killed_in_the_middle_of_an_audit_leaves_one_failed(shop: Shop) -> None:
    killed = start(shop.settings, shop.digest, killed_at="studying")
    assert killed.end() == (-signal.SIGKILL, "")
    finish(shop, "audit")
    with database.session(shop.engine) as session:
        assert AuditRepository(session).latest(shop.target) is not None
    states = "SELECT string_agg(status, ' ' ORDER BY started_at) FROM agentdb.audits"
    assert value(str(shop.settings["database_url"]), states) == "failed finished"


@pytest.mark.parametrize("moment", ["before push", "after push", "before POST", "after POST"])
def test_who_is_killed_while_it_delivers_makes_no_second_request(
    shop: Shop, moment: Moment
) -> None:
    killed = start(shop.settings, shop.digest)
    shop.forge.watchers[moment] = killed.process.kill
    assert killed.end() == (-signal.SIGKILL, "")
    finish(shop, "deliver")
    assert len(shop.hook.sent) == 1


def test_who_is_killed_while_it_sends_the_digest_sends_it_under_the_same_key(shop: Shop) -> None:
    killed = start(shop.settings, shop.digest, held_at="digest")
    killed.wait_for("digest")
    shop.hook.watcher = killed.process.kill
    killed.go_on()
    assert killed.end() == (-signal.SIGKILL, "")
    finish(shop, "digest")
    assert len(shop.hook.sent) == 2


def test_a_run_that_was_killed_long_ago_is_given_up(shop: Shop) -> None:
    start(shop.settings, killed_at="audit").end()
    wait_until_unheld(shop)
    run(
        str(shop.settings["database_url"]),
        "UPDATE agentdb.runs SET started_at = started_at - interval '25 hours'",
    )
    assert shop.week().status == "finished"
    states = "SELECT string_agg(status, ' ' ORDER BY started_at) FROM agentdb.runs"
    assert value(str(shop.settings["database_url"]), states) == "failed finished"
    given_up = "SELECT reason FROM agentdb.run_steps WHERE status = 'failed'"
    assert value(str(shop.settings["database_url"]), given_up) == "ended without a word"


# Two at once --------------------------------------------------------------------------------------


def test_of_two_at_once_one_runs_and_the_other_leaves(shop: Shop) -> None:
    first = start(shop.settings, held_at="audit")
    first.wait_for("audit")
    status = read_status(read_settings(**shop.settings)).last_run
    assert status is not None
    assert status.status == "running"
    code, said = start(shop.settings).end()
    assert (code, said) == (0, f"idle another weekly run of {shop.target} is under way")
    first.go_on()
    assert first.end() == (0, "finished")
    assert (shop.count("runs"), len(shop.forge.requests)) == (1, 2)


def test_who_has_lost_the_lock_goes_no_further(shop: Shop) -> None:
    held = start(shop.settings, held_at="outcomes")
    held.wait_for("outcomes")
    elsewhere = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    run(str(shop.settings["database_url"]), elsewhere)
    assert start(shop.settings).end() == (0, "finished")
    held.go_on()
    assert held.end() == (1, "DatabaseUnreachable")
    assert (shop.run().status, shop.count("runs"), len(shop.forge.requests)) == ("finished", 1, 2)


def test_our_own_server_that_dies_in_the_middle_ends_the_run_and_the_next_takes_it_up(
    target_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with reachable_folder() as folder:
        durable = {"fsync": "off"}  # what is committed survives the server, if not the machine
        url = start_server(folder / "server", settings=durable)
        try:
            with new_database(url) as ours:
                database.upgrade(ours)
                with opened(ours, target_url, tmp_path) as shop:
                    held = start(shop.settings, shop.digest, held_at="regressions")
                    held.wait_for("regressions")
                    pid = server_status(folder / "server").pid
                    assert pid is not None
                    os.kill(pid, signal.SIGQUIT)
                    held.go_on()
                    assert held.end() == (1, "DatabaseUnreachable")
                    shop.engine.dispose()
                    start_server(folder / "server", settings=durable)
                    finish(shop, "regressions")
        finally:
            stop_server(folder / "server")


# When it is due -----------------------------------------------------------------------------------


def test_a_run_is_due_when_the_last_that_finished_is_old(shop: Shop) -> None:
    settings = read_settings(**shop.settings)
    begun = datetime.now(UTC) - timedelta(days=30)
    moments = (0.0, 6.4, 6.6, 12.0)
    done = [
        run_week(settings, _silent, if_due=True, now=begun + timedelta(days=days))
        for days in moments
    ]
    assert [each.status for each in done] == ["finished", "idle", "finished", "idle"]
    assert "the next is due from" in str(done[1].reason)
    assert not is_overdue(settings, now=begun + timedelta(days=6.6 + 7.9))
    assert is_overdue(settings, now=begun + timedelta(days=6.6 + 8.1))


def test_an_hour_that_passed_while_no_clock_ran_is_overdue(shop: Shop) -> None:
    settings = read_settings(**shop.settings)
    sunday = datetime.now(UTC) - timedelta(days=30)
    note_next_run(settings, sunday)
    assert not is_overdue(settings, now=sunday - timedelta(hours=1))
    assert is_overdue(settings, now=sunday + timedelta(hours=8))
    run_week(settings, _silent, now=sunday + timedelta(hours=8))
    assert not is_overdue(settings, now=sunday + timedelta(hours=9))
    note_next_run(settings, sunday + timedelta(days=7))
    assert not is_overdue(settings, now=sunday + timedelta(days=6))
    assert is_overdue(settings, now=sunday + timedelta(days=7, hours=8))


def test_a_run_that_was_broken_off_is_overdue_until_it_is_gone_on_with(shop: Shop) -> None:
    settings = read_settings(**shop.settings)
    start(shop.settings, killed_at="audit").end()
    wait_until_unheld(shop)
    assert is_overdue(settings)
    assert shop.week().status == "finished"
    assert (shop.count("runs"), is_overdue(settings)) == (1, False)


def test_a_run_that_failed_leaves_the_next_due(shop: Shop) -> None:
    settings = read_settings(**shop.settings | {"target_url": GONE})
    for _ in range(2):
        assert run_week(settings, _silent, if_due=True).status == "failed"
    assert not is_overdue(settings)


def test_a_clock_leaves_a_note_of_its_next_run(shop: Shop) -> None:
    settings = read_settings(**shop.settings)
    assert read_status(settings).next_run_at is None
    sunday = datetime(2027, 1, 10, 2, tzinfo=UTC)
    for due in (sunday, sunday + timedelta(days=7)):
        note_next_run(settings, due)
    assert read_status(settings).next_run_at == sunday + timedelta(days=7)
