"""Snapshots of real servers: taken one at a time, through resets, restarts and crashes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from agentdb.database import make_engine, session
from agentdb.embedded import server as embedded
from agentdb.errors import SnapshotRunning, StatementsUnavailable
from agentdb.history.events import CatalogEvent
from agentdb.history.series import Watched
from agentdb.repositories.snapshots import SnapshotRepository
from agentdb.settings import Settings, read_settings
from agentdb.target.connection import connect, describe
from agentdb.wiring.alone import snapshot_alone
from agentdb.wiring.snapshotting import SnapshotReport, take_snapshot, try_snapshot
from tests.servers import FASTER, reachable_folder, run, value

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVER = (MONDAY - 10 * HOUR, MONDAY + 100 * HOUR)
UNTOLD = "statements were reset or forgotten, and the server does not say which"
SELECT = "SELECT note FROM orders WHERE id = {}"
FORGET = """SELECT pg_stat_statements_reset(0, oid, 0)
    FROM pg_database WHERE datname = current_database()"""
SHOP = (
    "CREATE TABLE orders (id int PRIMARY KEY, note text)",
    "INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 100) n",
)


@pytest.fixture
def settings(any_target: str, database_url: str) -> Settings:
    """Our tables in one database, a shop on each server in another."""
    run(any_target, *SHOP)
    return read_settings(database_url=database_url, target_url=any_target)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def opened(engine: Engine) -> Iterator[Session]:
    with session(engine) as opened:
        yield opened


def after(settings: Settings, hours: int) -> SnapshotReport:
    return take_snapshot(settings, now=MONDAY + hours * HOUR)


def call(settings: Settings, times: int) -> None:
    run(settings.target_url or "", *(SELECT.format(number) for number in range(times)))


def calls(opened: Session, settings: Settings) -> list[tuple[int, int]]:
    found = SnapshotRepository(opened).series(describe(settings.target_url or ""), *EVER)
    return [
        ((bucket.start - MONDAY) // HOUR, bucket.calls)
        for series in found
        if series.query == SELECT.format("$1")
        for bucket in series.buckets
    ]


def events(opened: Session, settings: Settings) -> tuple[CatalogEvent, ...]:
    return SnapshotRepository(opened).catalog_events(describe(settings.target_url or ""), *EVER)


def test_each_snapshot_keeps_what_was_done_since_the_one_before(
    settings: Settings, opened: Session
) -> None:
    first = after(settings, 0)
    assert (first.gap, first.calls, first.tables, first.indexes) == ("the first reading", 0, 1, 1)
    call(settings, 5)
    second = after(settings, 1)
    assert (second.gap, second.calls, second.statements, second.events) == (None, 5, 1, ())
    assert second.since == MONDAY
    call(settings, 2)
    after(settings, 2)
    assert calls(opened, settings) == [(0, 5), (1, 2)]


def test_a_reset_of_this_database_s_statements_is_told(settings: Settings, opened: Session) -> None:
    after(settings, 0)
    call(settings, 5)
    run(settings.target_url or "", FORGET)
    call(settings, 3)
    taken = after(settings, 1)
    if str(value(settings.target_url or "", "SHOW server_version")).startswith("13"):
        assert (taken.calls, taken.gap) == (0, UNTOLD)
        return
    assert taken.calls == 3
    assert [event.kind for event in events(opened, settings)] == ["statements_forgotten"]


def test_an_index_that_is_dropped_is_told(settings: Settings, opened: Session) -> None:
    run(settings.target_url or "", "CREATE INDEX by_note ON orders (note)")
    after(settings, 0)
    run(settings.target_url or "", "DROP INDEX by_note")
    after(settings, 1)
    (event,) = events(opened, settings)
    assert (event.kind, event.schema, event.table) == ("index_dropped", "public", "orders")
    assert (event.definition, event.detail) == ("USING btree (note)", "by_note")
    assert (event.since, event.at) == (MONDAY, MONDAY + HOUR)


def test_one_snapshot_of_a_target_at_a_time(settings: Settings, engine: Engine) -> None:
    with (
        snapshot_alone(engine, describe(settings.target_url or "")),
        pytest.raises(SnapshotRunning, match=r"another snapshot of .* is being taken"),
    ):
        take_snapshot(settings)


def test_snapshots_at_once_count_nothing_twice(settings: Settings, opened: Session) -> None:
    after(settings, 0)
    call(settings, 5)
    start = Barrier(4)

    def attempt(number: int) -> int:
        start.wait()
        try:
            return take_snapshot(settings, now=MONDAY + HOUR + number * timedelta(seconds=1)).calls
        except SnapshotRunning:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 5
    assert sum(number for _, number in calls(opened, settings)) == 5


def test_a_snapshot_leaves_nothing_on_the_target(settings: Settings) -> None:
    url = settings.target_url or ""
    asked = (
        """SELECT array_agg((relname, seq_scan, idx_scan, n_tup_ins)::text ORDER BY relname)
            FROM pg_stat_user_tables""",
        "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%/* agentdb */%'",
        "SELECT pg_database_size(current_database())",
    )
    run(url, "VACUUM ANALYZE")
    before = [value(url, question) for question in asked]
    after(settings, 0)
    after(settings, 1)
    assert [value(url, question) for question in asked] == before
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'agentdb'"
    assert value(url, f"{ours} AND datname = current_database()") == 0


def test_beside_an_audit_a_snapshot_that_fails_only_leaves_a_note(
    engine: Engine, empty_database: str
) -> None:
    with connect(empty_database) as connection:
        note = try_snapshot(engine, connection, "shop")
        assert (note or "").startswith("no snapshot was taken: pg_stat_statements is not installed")
        with snapshot_alone(engine, "shop"):
            assert try_snapshot(engine, connection, "shop") is None


def test_a_target_without_the_extension_is_told_what_to_do(
    database_url: str, empty_database: str
) -> None:
    with pytest.raises(StatementsUnavailable, match="CREATE EXTENSION"):
        take_snapshot(read_settings(database_url=database_url, target_url=empty_database))


# A server that stops ------------------------------------------------------------------------------


@pytest.fixture
def mortal(database_url: str) -> Iterator[tuple[Path, Settings]]:
    """A server of this test alone, to be stopped, and the settings for a shop on it."""
    with reachable_folder() as folder:
        place = folder / "server"
        url = embedded.start(place, settings=FASTER)
        try:
            run(url, *SHOP, "CHECKPOINT")  # else a crash may lose them: commits wait for no disk
            yield place, read_settings(database_url=database_url, target_url=url)
        finally:
            embedded.stop(place)


def test_a_reset_of_all_statements_leaves_a_gap(
    mortal: tuple[Path, Settings], opened: Session
) -> None:
    _, settings = mortal
    after(settings, 0)
    call(settings, 5)
    run(settings.target_url or "", "SELECT pg_stat_statements_reset()")
    call(settings, 3)
    taken = after(settings, 1)
    assert (taken.calls, taken.gap) == (3, "statements were reset")
    assert [event.kind for event in events(opened, settings)] == ["counters_lost"]
    assert len(watched(opened, settings)) == 1


def test_a_restart_loses_nothing(mortal: tuple[Path, Settings], opened: Session) -> None:
    place, settings = mortal
    after(settings, 0)
    call(settings, 5)
    embedded.stop(place)
    embedded.start(place)
    call(settings, 1)
    taken = after(settings, 1)
    assert (taken.calls, taken.gap) == (6, None)
    assert [event.kind for event in events(opened, settings)] == ["restarted"]


def test_an_immediate_shutdown_loses_the_counters_of_tables_only(
    mortal: tuple[Path, Settings], opened: Session
) -> None:
    place, settings = mortal
    call(settings, 20)
    after(settings, 0)
    call(settings, 5)
    end(settings, signal.SIGQUIT)
    embedded.start(place)
    call(settings, 1)
    taken = after(settings, 1)
    assert (taken.calls, taken.gap) == (6, None)
    repository = SnapshotRepository(opened)
    days = repository.table_history(describe(settings.target_url or ""), *EVER)
    assert [day.index_scans for day in days] == [1]
    told = [event.kind for event in events(opened, settings)]
    assert told == ["restarted", "counters_lost"]


def test_a_crash_leaves_a_gap(mortal: tuple[Path, Settings], opened: Session) -> None:
    place, settings = mortal
    after(settings, 0)
    call(settings, 5)
    end(settings, signal.SIGKILL)
    embedded.start(place)
    call(settings, 2)
    taken = after(settings, 1)
    assert (taken.calls, taken.gap) == (2, "the server restarted without them")
    assert calls(opened, settings) == [(0, 2)]
    (since,) = watched(opened, settings)
    assert MONDAY < since.start < since.end == MONDAY + HOUR


def watched(opened: Session, settings: Settings) -> tuple[Watched, ...]:
    return SnapshotRepository(opened).watched(describe(settings.target_url or ""), *EVER)


def end(settings: Settings, how: signal.Signals) -> None:
    """End a server at once, and wait until its processes have gone."""
    url = settings.target_url or ""
    pids = str(value(url, "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity"))
    folder = Path(str(value(url, "SELECT current_setting('data_directory')")))
    server = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
    os.kill(int(server), how)
    until = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in (server, *pids.split())):
        assert time.monotonic() < until
        time.sleep(0.05)
