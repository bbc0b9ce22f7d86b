"""Ten weeks of the simulated year, on a server of their own: what is told of them is right.

Plans, calls, blocks and catalog are the server's; times go by its work, so that the verdicts are
the same on a busy machine. The year that goes by the server's clock is a benchmark.
"""

from __future__ import annotations

from benchmarks.year.business import workload
from benchmarks.year.clock import WorkClock
from benchmarks.year.events import (
    applied,
    called_more,
    create,
    followed,
    gone_again,
    harmless,
    index_invalid,
    index_lost,
    locked_once,
    misled,
    never_used,
    not_followed,
    on,
    replaced,
    server_event,
)
from benchmarks.year.judged import Found, false_alarms
from benchmarks.year.living import live
from benchmarks.year.plan import Plan
from benchmarks.year.world import Hours, World, opened

TABLES = ("payments", "reviews", "tickets", "shipments", "returns")
NAMES = tuple(workload(TABLES))
ONCE_A_DAY = Hours(weekdays=(9,), weekend=(11,))


def ten_weeks() -> Plan:
    plan = Plan(weeks=10)
    _advice(plan)
    index_lost(plan, "tickets.queue_id", 4)
    index_invalid(plan, "reviews.store_id", 5, 8)
    misled(plan, "shipments.route_id", 6)
    called_more(plan, "payments.report", 7, 3)
    locked_once(plan, "shipments.carrier_id", 6)
    server_event(plan, "all statements reset", 5, "counters_lost", NAMES)
    plan.sql(5, "SELECT pg_stat_statements_reset()", day=2)
    server_event(plan, "a restart", 6, "restarted", NAMES)
    plan.do(6, World.restart, day=2)
    server_event(plan, "a crash", 8, "counters_lost", NAMES)
    plan.do(8, World.crash, day=3)
    harmless(plan, "indexes built anew", 9, NAMES, "REINDEX TABLE CONCURRENTLY shipments")
    return plan


def _advice(plan: Plan) -> None:
    by_hand = "CREATE INDEX ON reviews (product_id DESC)"
    followed(plan, "reviews.product_id", 4, "the other way round", by_hand)
    followed(plan, "payments.order_id", 5, "by another name", create("payments.order_id"))
    gone_again(plan, "returns.item_id", 4, 9)
    not_followed(
        plan,
        "returns.order_id",
        4,
        "its columns in the wrong order",
        "CREATE INDEX ON returns (amount, order_id)",
        definition=on("returns.order_id", "amount"),
    )
    plan.allow("returns.order_id", 4, "faster")  # reads all of that index, not all of the table
    never_used(plan, "returns.report", "note", 3, taken_back=8)
    replaced(plan, "tickets.topic_id", 4)
    plan.event("advice for payments.branch_id dropped after a day")
    plan.do(3, lambda world: world.advise("payments.branch_id", on("payments.branch_id")))
    plan.sql(4, create("payments.branch_id"))
    plan.sql(4, "DROP INDEX payments_branch_id", day=2)
    applied(plan, "payments.branch_id", 4, "not applied")


def test_what_is_told_of_ten_weeks_is_right() -> None:
    plan = ten_weeks()
    with opened(TABLES, ONCE_A_DAY, seed=3, clock=WorkClock()) as world:
        judged = live(plan, world, plan.weeks, lambda _: None)
        found = Found.of(judged, *false_alarms(plan, world))
    assert found.events >= 15
    assert found.weeks >= 200
    assert [one for one in judged if not one.is_right] == []
    assert found.alarms == []
