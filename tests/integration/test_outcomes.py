"""Advice on a real target over weeks that take a minute: found, measured, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from sqlalchemy import Engine

from agentdb import database
from agentdb.models.optimization import Kind, Status
from agentdb.repositories.advice import Event, NewOptimization, Optimization, StatementEffect
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import Settings, read_settings
from agentdb.target.connection import describe
from agentdb.target.syntax import fingerprint
from agentdb.wiring.outcomes import FollowUp, follow_up, list_outcomes
from agentdb.wiring.snapshotting import take_snapshot
from tests.servers import connect, run

MONDAY = datetime(2027, 1, 4, tzinfo=UTC)
HOURS = timedelta(hours=1)
LOOK_UP = "SELECT count(*) FROM orders WHERE customer_id = 7"
SHOP = (
    "CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, total int NOT NULL)",
    "INSERT INTO orders SELECT n, n % 500, n % 90 FROM generate_series(1, 20000) n",
    "CREATE TABLE parts (id int PRIMARY KEY, weight int NOT NULL, price int NOT NULL)",
    "INSERT INTO parts SELECT n, n % 500, n % 90 FROM generate_series(1, 4000) n",
    "VACUUM ANALYZE",
)
CONTROLS = (
    "SELECT count(*) FROM parts WHERE weight = 7",
    "SELECT sum(weight) FROM parts WHERE price > 40",
    "SELECT max(weight) FROM parts",
)


@dataclass(slots=True)
class Shop:
    """A target whose application works while time is told to pass; our tables are elsewhere."""

    settings: Settings
    engine: Engine
    connection: Connection[TupleRow]
    now: datetime = field(default=MONDAY)

    @property
    def target(self) -> str:
        return describe(self.settings.target_url or "")

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement.encode())

    def read(self, hours: int = 6) -> None:
        """Let time pass, and take a snapshot."""
        self.now += hours * HOURS
        take_snapshot(self.settings, now=self.now)

    def work(self, days: int) -> None:
        """Let the application send what it sends, read four times a day."""
        for _ in range(4 * days):
            self.run(*[LOOK_UP] * 10, *CONTROLS * 4)
            self.read()

    def follow(self) -> FollowUp:
        return follow_up(self.settings, now=self.now)

    def advise(
        self,
        definition: str = '"public"."orders" USING btree ("customer_id")',
        kind: Kind = "create_index",
    ) -> UUID:
        made = "CREATE INDEX CONCURRENTLY advised_idx ON public.orders USING btree (customer_id)"
        gone = "DROP INDEX CONCURRENTLY public.advised_idx"
        effect = StatementEffect(fingerprint(LOOK_UP), LOOK_UP, 1.0, 0.1, 100, 3, 1000)
        new = NewOptimization(
            target=self.target,
            kind=kind,
            title="Index on orders (customer_id)",
            schema_name="public",
            table_name="orders",
            sql=made if kind == "create_index" else gone,
            rollback_sql=gone if kind == "create_index" else made,
            definition=definition,
            reasoning="Looked up by customer_id.",
            confidence=0.9,
            evidence="measured",
            gain_percent=90.0,
            statements=(effect,),
        )
        with database.session(self.engine) as session:
            return OptimizationRepository(session).add(new).id

    def advice(self, identifier: UUID) -> Optimization:
        with database.session(self.engine) as session:
            return OptimizationRepository(session).get(identifier)

    def life(self, identifier: UUID) -> list[Status]:
        with database.session(self.engine) as session:
            told = OptimizationRepository(session).events(identifier)
        return [event.to_status for event in told if _is_change(event)]


def _is_change(event: Event) -> bool:
    return event.from_status != event.to_status


@contextmanager
def opened(database_url: str, target_url: str) -> Iterator[Shop]:
    run(target_url, *SHOP)
    settings = read_settings(database_url=database_url, target_url=target_url)
    engine = database.make_engine(database_url)
    with connect(target_url) as connection:
        yield Shop(settings, engine, connection)
    engine.dispose()


@pytest.fixture
def shop(database_url: str, target_url: str) -> Iterator[Shop]:
    with opened(database_url, target_url) as shop:
        yield shop


# Was it done? -------------------------------------------------------------------------------------


def test_nothing_is_found_out_without_readings(shop: Shop) -> None:
    shop.advise()
    assert shop.follow() == FollowUp(shop.target, None, (), ())


def test_an_index_of_another_name_is_found_with_the_moment_it_came(shop: Shop) -> None:
    shop.read()
    advice = shop.advise()
    shop.read()
    assert shop.follow().steps == ()
    before = shop.now
    shop.run("CREATE INDEX by_hand ON orders (customer_id DESC)")
    shop.read()
    (step, *_) = shop.follow().steps
    assert (step.before, step.after) == ("proposed", "applied")
    found = shop.advice(advice)
    assert (found.applied_how, found.applied_after, found.applied_at) == (
        "catalog",
        before,
        shop.now,
    )


@pytest.mark.parametrize(
    "other",
    [
        "CREATE INDEX by_hand ON orders (customer_id, total)",
        "CREATE INDEX by_hand ON orders (customer_id) WHERE total > 3",
        "CREATE INDEX by_hand ON parts (weight)",
    ],
)
def test_another_index_does_not_count(shop: Shop, other: str) -> None:
    advice = shop.advise()
    shop.read()
    shop.run(other)
    shop.read()
    assert shop.follow().steps == ()
    assert shop.advice(advice).status == "proposed"


def test_an_invalid_index_is_noted_and_is_not_applied(shop: Shop) -> None:
    advice = shop.advise()
    shop.read()
    shop.run(
        "CREATE INDEX broken ON orders (customer_id)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
    )
    shop.read()
    shop.follow()
    found = shop.advice(advice)
    assert (found.status, shop.life(advice)) == ("proposed", ["proposed"])
    assert found.status_reason == "the index broken is INVALID: drop it, and create it again"
    assert shop.follow().steps == ()
    shop.run("DROP INDEX broken", "CREATE INDEX whole ON orders (customer_id)")
    shop.read()
    shop.follow()
    assert shop.life(advice)[:2] == ["proposed", "applied"]


def test_what_is_dropped_again_is_reverted_and_may_come_back(shop: Shop) -> None:
    advice = shop.advise()
    shop.read()
    shop.run("CREATE INDEX by_hand ON orders (customer_id)")
    shop.read()
    shop.follow()
    shop.run("DROP INDEX by_hand")
    shop.read()
    shop.follow()
    assert shop.advice(advice).status == "reverted"
    shop.run("CREATE INDEX again ON orders (customer_id)")
    shop.read()
    shop.follow()
    steps = shop.life(advice)
    assert [s for s in steps if s != "not_enough_data"] == [
        "proposed",
        "applied",
        "reverted",
        "applied",
    ]


def test_what_was_only_said_to_be_applied_is_believed_for_a_week(shop: Shop) -> None:
    shop.read()
    advice = shop.advise()
    with database.session(shop.engine) as session:
        OptimizationRepository(session).decide(advice, "applied", at=shop.now)
    shop.read(hours=24 * 6)
    shop.follow()
    assert "reverted" not in shop.life(advice)
    shop.read(hours=24 * 2)
    shop.follow()
    assert shop.advice(advice).status == "reverted"


def test_what_was_said_to_be_applied_and_is_not_seen_is_not_judged(shop: Shop) -> None:
    """It would be remembered as no help, and never be advised again."""
    shop.read()
    advice = shop.advise()
    shop.work(days=4)
    with database.session(shop.engine) as session:
        OptimizationRepository(session).decide(advice, "applied", at=shop.now)
    shop.work(days=5)
    shop.follow()
    assert shop.life(advice) == ["proposed", "applied"]
    shop.read(hours=24 * 3)
    shop.follow()
    assert shop.life(advice) == ["proposed", "applied", "reverted"]
    with database.session(shop.engine) as session:
        assert OptimizationRepository(session).turned_down(shop.target) == ()


def test_an_index_on_a_partitioned_table_counts_when_every_partition_has_it(shop: Shop) -> None:
    shop.run(
        "CREATE TABLE visits (day date NOT NULL, who int) PARTITION BY RANGE (day)",
        "CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (MINVALUE) TO ('2027-01-01')",
    )
    advice = shop.advise('"public"."visits" USING btree ("who")')
    shop.read()
    shop.run("CREATE INDEX whole ON ONLY visits (who)", "CREATE INDEX part ON visits_1 (who)")
    shop.read()
    shop.follow()
    assert shop.life(advice) == ["proposed"]
    assert "whole is INVALID" in (shop.advice(advice).status_reason or "")
    shop.run("ALTER INDEX whole ATTACH PARTITION part")
    shop.read()
    shop.follow()
    assert shop.life(advice)[:2] == ["proposed", "applied"]


# Did it help? -------------------------------------------------------------------------------------


def test_the_effect_is_measured_on_the_counters_of_the_server(shop: Shop) -> None:
    shop.read()
    advice = shop.advise()
    shop.work(days=8)
    shop.run("CREATE INDEX by_hand ON orders (customer_id)")
    shop.read()
    shop.work(days=3)
    shop.follow()
    early = shop.advice(advice)
    assert (early.status, early.verdict) == ("not_enough_data", "not_enough_data")
    shop.work(days=8)
    shop.follow()
    found = shop.advice(advice)
    assert found.status == "confirmed", found.status_reason
    assert found.measured_gain_low_percent is not None
    assert found.measured_gain_low_percent > 20
    assert found.saved_ms_per_week is not None
    assert found.saved_ms_per_week > 0
    (told,) = list_outcomes(shop.settings)
    assert (told.id, told.verdict) == (str(advice), "confirmed")
    assert shop.follow() == FollowUp(shop.target, shop.now, (), ())


def test_an_index_that_nothing_uses_is_advised_to_be_dropped_once(shop: Shop) -> None:
    shop.read()
    advice = shop.advise('"public"."orders" USING btree ("total")')
    shop.work(days=1)
    shop.run('CREATE INDEX "Never used" ON orders (total)')
    shop.read()
    for _ in range(15):
        shop.run(LOOK_UP)
        shop.read(hours=24)
    (identifier,) = shop.follow().reverts
    assert shop.advice(advice).verdict == "neutral"
    revert = shop.advice(UUID(identifier))
    assert (revert.kind, revert.status, revert.reverts) == ("drop_index", "proposed", advice)
    assert revert.sql == 'DROP INDEX CONCURRENTLY "public"."Never used"'
    shop.read(hours=24)
    assert shop.follow().reverts == ()
    shop.run(revert.sql)
    shop.read()
    shop.follow()
    assert shop.advice(advice).status == "reverted"
    assert shop.life(UUID(identifier))[:2] == ["proposed", "applied"]
    shop.run(revert.rollback_sql or "")
    with database.session(shop.engine) as session:
        (unwanted,) = OptimizationRepository(session).turned_down(shop.target)
    assert (unwanted.is_rejected, unwanted.why) == (False, "neutral when measured")


def test_an_index_that_was_dropped_as_advised_and_was_needed_is_advised_again(shop: Shop) -> None:
    shop.run("CREATE INDEX needed ON orders (customer_id)")
    shop.read()
    advice = shop.advise(kind="drop_index")
    shop.work(days=6)
    shop.run("DROP INDEX needed")
    shop.work(days=6)
    (identifier,) = shop.follow().reverts
    assert shop.advice(advice).status == "regressed"
    again = shop.advice(UUID(identifier))
    assert (again.kind, again.status, again.reverts) == ("create_index", "proposed", advice)
    shop.run(again.sql)
    shop.read()
    assert shop.follow().reverts == ()
    assert shop.life(again.id)[:2] == ["proposed", "applied"]
    assert shop.advice(advice).status == "reverted"
