"""A real target over weeks that take seconds: what got slower is found, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from agentdb import database
from agentdb.embedded import server as embedded
from agentdb.history.reading import Reading, Spent
from agentdb.models.audit import AuditRow
from agentdb.repositories.snapshots import SnapshotRepository
from agentdb.settings import Settings, read_settings
from agentdb.target.connection import connect, describe
from agentdb.target.syntax import fingerprint
from agentdb.wiring.alone import snapshot_alone
from agentdb.wiring.auditing import audit
from agentdb.wiring.regressions import RegressionReport as Report
from agentdb.wiring.regressions import StatementChange, find_regressions
from agentdb.wiring.snapshotting import snapshot_of
from tests.readings import MONDAY as EPOCH
from tests.readings import daily
from tests.servers import FASTER, database_name, reachable_folder, run

MONDAY = datetime(2027, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

# Each does something that takes as long in every week: a few microseconds alone would be noise.
LOOK_UP = "SELECT count(*) FROM orders JOIN parts ON price = total WHERE customer_id = 7"
SUM_UP = "SELECT sum(total) FROM lines WHERE total > 40"
NEXT_JOB = "SELECT count(*) FROM jobs JOIN parts ON price = state WHERE worker = 7"
CONTROLS = (
    "SELECT count(*) FROM parts WHERE weight = 7",
    "SELECT sum(weight) FROM parts WHERE price > 40",
    "SELECT max(weight) FROM parts",
    "SELECT avg(price) FROM parts",
    "SELECT count(*) FROM parts WHERE price < weight",
)
FILLED = "INSERT INTO {} SELECT n, n % 500, n % 90 FROM generate_series(1, {}) n"
SHOP = (
    "CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, total int NOT NULL)",
    "CREATE INDEX by_customer ON orders (customer_id)",
    "CREATE TABLE lines (id int NOT NULL, order_id int NOT NULL, total int NOT NULL)",
    "CREATE TABLE jobs (id int PRIMARY KEY, worker int NOT NULL, state int NOT NULL)",
    "CREATE INDEX by_worker ON jobs (worker)",
    "CREATE TABLE parts (id int PRIMARY KEY, weight int NOT NULL, price int NOT NULL)",
    *(f"ALTER TABLE {table} SET (autovacuum_enabled = off)" for table in ("orders", "jobs")),
    FILLED.format("orders", 100_000),
    FILLED.format("lines", 4000),
    FILLED.format("jobs", 100_000),
    FILLED.format("parts", 4000),
)
RESET = """SELECT pg_stat_statements_reset(0, oid, 0)
    FROM pg_database WHERE datname = current_database()"""


@dataclass(slots=True)
class Shop:
    """A target whose application works while time is told to pass; our tables are elsewhere."""

    settings: Settings
    engine: Engine
    now: datetime = field(default=MONDAY)

    @property
    def url(self) -> str:
        return self.settings.target_url or ""

    @property
    def target(self) -> str:
        return describe(self.url)

    def read(self) -> None:
        """Let a day pass, and take a snapshot."""
        self.now += DAY
        with connect(self.url) as connection:
            snapshot_of(self.engine, connection, self.target, self.now)

    def work(self, days: int) -> None:
        """Let the application send what it sends, read each night."""
        for _ in range(days):
            run(self.url, *(*CONTROLS, SUM_UP, NEXT_JOB, LOOK_UP) * 15)
            self.read()

    def audit(self) -> None:
        """Audit as if it were then; the readings are taken by the test."""
        with snapshot_alone(self.engine, self.target):
            audit(self.settings, lambda *_: None)
        with database.session(self.engine) as session:
            unmoved = update(AuditRow).where(AuditRow.started_at < MONDAY)
            session.execute(unmoved.values(started_at=self.now, finished_at=self.now))

    def report(self) -> Report:
        return find_regressions(self.settings, now=self.now)


def of(found: Report, text: str) -> StatementChange:
    (change,) = [each for each in found.statements if each.fingerprint == fingerprint(text)]
    return change


@contextmanager
def opened(database_url: str, target_url: str) -> Iterator[Shop]:
    run(target_url, *SHOP)
    run(target_url, "VACUUM ANALYZE")  # by another session: rows are counted when one ends
    settings = read_settings(
        database_url=database_url,
        target_url=target_url,
        embedding_model="hashing",
        watch_seconds=0,
        trial="none",
    )
    engine = database.make_engine(database_url)
    yield Shop(settings, engine)
    engine.dispose()


@pytest.fixture
def shop(database_url: str, target_url: str) -> Iterator[Shop]:
    with opened(database_url, target_url) as shop:
        yield shop


def test_what_got_slower_is_found_with_the_reason_through_a_reset(shop: Shop) -> None:
    shop.read()
    shop.work(days=12)
    run(shop.url, RESET)
    shop.work(days=9)
    shop.audit()
    shop.now += HOUR
    run(shop.url, "DROP INDEX by_customer", FILLED.format("lines", 36_000))
    run(shop.url, "ANALYZE lines", *LIED)
    shop.work(days=7)
    shop.audit()
    found = shop.report()

    assert found.weeks == 3
    assert {change.query for change in found.of("slower")} >= {
        *map(normal, (LOOK_UP, SUM_UP, NEXT_JOB))
    }
    assert found.of("new", "gone") == ()
    look_up = of(found, LOOK_UP)
    assert [cause.kind for cause in look_up.causes] == ["index dropped", "plan changed"]
    assert look_up.causes[0].sentence.startswith(
        "the index USING btree (customer_id) on public.orders was dropped between 2027-01-26"
    )
    assert (look_up.after_ms or 0) > 2 * (look_up.before_ms or 0) > 0
    assert (look_up.after_blocks or 0) > 2 * (look_up.before_blocks or 0) > 0
    assert look_up.calls_before == pytest.approx(105, rel=0.05)
    assert look_up.calls_after == pytest.approx(105, rel=0.05)
    sum_up = of(found, SUM_UP)
    assert [cause.kind for cause in sum_up.causes] == ["rows grew"]
    assert sum_up.causes[0].sentence == ("public.lines has 40,000 rows, 4,000 in the weeks before")
    assert of(found, NEXT_JOB).causes[0].kind == "plan changed"


LIED = (
    # The planner's statistics are of rows that are no more: no event tells, and none are more.
    "UPDATE jobs SET worker = 7",
    "ANALYZE jobs",
    "UPDATE jobs SET worker = id % 500",
    "VACUUM jobs",
)


def normal(text: str) -> str:
    """The text as pg_stat_statements has it."""
    return re.sub(r"\b\d+\b", "$1", text)


def test_a_setting_that_changed_is_a_cause_and_two_audits_tell_the_plan(shop: Shop) -> None:
    shop.read()
    shop.work(days=21)
    shop.audit()
    shop.now += HOUR
    run(shop.url, f"ALTER DATABASE {database_name(shop.url)} SET random_page_cost = 100000")
    shop.work(days=7)
    change = of(shop.report(), LOOK_UP)
    assert change.verdict == "slower", change.reason
    (cause,) = change.causes
    assert cause.kind == "setting changed"
    assert cause.sentence.endswith("(random_page_cost: 4 → 100000)")
    shop.audit()
    kinds = [cause.kind for cause in of(shop.report(), LOOK_UP).causes]
    assert kinds == ["plan changed", "setting changed"]


def test_a_week_after_a_restart_is_compared_as_any(database_url: str) -> None:
    with reachable_folder() as folder:
        place: Path = folder / "server"
        url = embedded.start(place, settings=FASTER)
        try:
            with opened(database_url, url) as shop:
                shop.read()
                shop.work(days=21)
                embedded.stop(place)
                embedded.start(place)
                run(url, "DROP INDEX by_customer")
                shop.work(days=7)
                found = shop.report()
        finally:
            embedded.stop(place)
    assert found.weeks == 3
    assert of(found, LOOK_UP).verdict == "slower"
    assert [cause.kind for cause in of(found, LOOK_UP).causes] == ["index dropped", "restart"]
    assert found.of("new", "gone") == ()


def test_without_two_readings_there_is_nothing(shop: Shop) -> None:
    assert shop.report().read_at is None
    shop.read()
    found = shop.report()
    assert (found.read_at, found.statements, found.enough_from) == (None, (), None)


# With counters that are made up: a target need not even be there ----------------------------------


def keep(settings: Settings, readings: Iterable[Reading]) -> None:
    engine = database.make_engine(settings.database_url or "")
    with database.session(engine) as session:
        for each in readings:
            SnapshotRepository(session).keep(replace(each, target="db.invalid/x"))
    engine.dispose()


def kept(settings: Settings, factor: float, *, only: str | None = None, weeks: int = 4) -> Report:
    """Weeks of eight statements; in the last, some take so many times longer."""
    keep(settings, daily(weeks, factor, only=only))
    return find_regressions(settings, now=EPOCH + timedelta(weeks=weeks))


@pytest.fixture
def nowhere(database_url: str) -> Settings:
    return read_settings(database_url=database_url, target_url="postgresql://nobody@db.invalid/x")


def test_what_the_whole_machine_does_is_told_once(nowhere: Settings) -> None:
    found = kept(nowhere, 1.5)
    assert found.machine.verdict == "slower"
    assert found.machine.percent is not None
    assert found.machine.percent.value == pytest.approx(50, abs=5)
    assert [cause.kind for cause in found.machine.causes] == ["setting changed", "restart"]
    assert {change.verdict for change in found.statements} == {"unchanged"}
    assert found.regressed


def test_one_statement_that_gets_slower_is_not_the_machine(nowhere: Settings) -> None:
    found = kept(nowhere, 3, only="c")
    assert (found.machine.verdict, found.machine.causes) == ("unchanged", ())
    (change,) = found.of("slower")
    assert change.query == "SELECT c"
    assert change.lost_ms_per_week is not None
    assert change.lost_ms_per_week.value == pytest.approx(2 * 700 * 9 * 1.05, rel=0.05)
    assert (change.before_blocks, change.after_blocks) == (5, 5)
    assert found.statements[0] == change


def test_quiet_weeks_are_no_regression(nowhere: Settings) -> None:
    found = kept(nowhere, 1)
    assert (found.regressed, found.machine.verdict) == (False, "unchanged")
    assert {change.verdict for change in found.statements} == {"unchanged"}


def test_a_reset_between_makes_nothing_slower_or_faster(nowhere: Settings) -> None:
    whole = list(daily(weeks=4, factor=1))
    (at_reset, *after) = whole[17:]
    since = at_reset.taken_at + HOUR
    begun = [counted_since(each, at_reset, since) for each in after]
    keep(nowhere, [*whole[:18], *begun])
    found = find_regressions(nowhere, now=EPOCH + timedelta(weeks=4))
    assert {change.verdict for change in found.statements} == {"unchanged"}
    assert found.machine.verdict == "unchanged"
    assert found.weeks == 3


def counted_since(each: Reading, at_reset: Reading, since: datetime) -> Reading:
    """The reading as it is when all counters began anew."""
    gone = {entry.key: entry.spent for entry in at_reset.statements}
    entries = tuple(
        replace(
            entry,
            spent=Spent(
                *(
                    getattr(entry.spent, name) - getattr(gone[entry.key], name)
                    for name in Spent.__slots__
                )
            ),
        )
        for entry in each.statements
    )
    return replace(each, statements=entries, statements_reset_at=since)


def test_the_weeks_before_have_to_be_at_least_two(nowhere: Settings) -> None:
    found = kept(nowhere, 3, only="c", weeks=2)
    assert (found.weeks, found.weeks_needed, found.has_enough) == (1, 2, False)
    assert found.enough_from == EPOCH + timedelta(weeks=2.5)
    assert {change.verdict for change in found.statements} == {"not enough data"}
    assert found.statements[0].reason == "1 of the weeks before can be compared with, 2 needed"
    assert not found.regressed
