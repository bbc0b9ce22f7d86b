"""The year itself: which event happens when, to which statement."""

from __future__ import annotations

from benchmarks.year.business import COLUMNS, fill, workload
from benchmarks.year.events import (
    advised_sql,
    applied,
    begun,
    called_more,
    create,
    ended,
    followed,
    followed_audit,
    given,
    gone_again,
    grown,
    harmless,
    helped,
    ignored,
    index_invalid,
    index_lost,
    locked_once,
    misled,
    never_used,
    not_followed,
    on,
    outcome,
    rejected,
    replaced,
    revert,
    server_event,
    setting,
    take_back,
)
from benchmarks.year.plan import NOTHING, Plan
from benchmarks.year.world import World

TABLES = tuple(COLUMNS)
NAMES = tuple(workload(TABLES))
FLOOD, OFTEN = 1500, 40  # statements that nobody knew before, and how often each is sent


def whole_year() -> Plan:
    """Return a year of 52 weeks."""
    plan = Plan(weeks=52)
    for part in (
        _helpful,
        _later,
        _told,
        _disregarded,
        _mended,
        _useless,
        _harmful,
        _misleading,
        _too_little,
        _broken,
        _seeming,
        _server,
        _machine,
    ):
        part(plan)
    return plan


def _helpful(plan: Plan) -> None:
    plan.do(4, World.audit, day=3)
    plan.do(28, World.audit, day=3)
    followed_audit(plan, "reviews.made_at", 5, "reviews.old")
    followed_audit(plan, "items.status", 7, "items.unmatched")
    plan.allow("items.joined", 7, "faster")
    followed(plan, "orders.customer_id", 5, "as advised", advised_sql("orders.customer_id"))
    followed(plan, "items.order_id", 7, "as advised", advised_sql("items.order_id"))
    followed(plan, "payments.order_id", 6, "by another name", create("payments.order_id"))
    followed(plan, "visits.customer_id", 22, "by another name", create("visits.customer_id"))
    followed(
        plan,
        "invoices.customer_id",
        8,
        "the other way round",
        "CREATE INDEX ON invoices (customer_id DESC)",
    )
    followed(
        plan,
        "messages.sender_id",
        9,
        "with its condition in other words",
        "CREATE INDEX ON messages (sender_id) WHERE status IN (1, 2)",
        on("messages.sender_id") + ' WHERE ("status" = ANY (ARRAY[1, 2]))',
    )
    followed(
        plan,
        "returns.order_id",
        10,
        "with what it includes in another order",
        "CREATE INDEX ON returns (order_id) INCLUDE (status, amount)",
        on("returns.order_id") + ' INCLUDE ("amount", "status")',
    )
    followed(
        plan,
        "tickets.customer_id",
        24,
        "with storage of its own",
        "CREATE INDEX ON tickets (customer_id) WITH (fillfactor = 70)",
    )


def _later(plan: Plan) -> None:
    plan.do(25, lambda world: world.decide("stock.product_id", "accepted"), day=4)
    followed(plan, "stock.product_id", 26, "after it was accepted", advised_sql("stock.product_id"))
    followed(plan, "reviews.product_id", 33, "as advised", advised_sql("reviews.product_id"))
    followed(plan, "visits.device_id", 27, "days before a crash", advised_sql("visits.device_id"))
    followed(plan, "orders.region_id", 44, "as all is reset", advised_sql("orders.region_id"))
    plan.sql(44, "SELECT pg_stat_statements_reset()")
    followed(plan, "messages.thread_id", 18, "and renamed later", advised_sql("messages.thread_id"))
    plan.sql(20, "ALTER INDEX advised_messages_thread_id RENAME TO by_thread")
    plan.sql(21, "REINDEX INDEX CONCURRENTLY by_thread")
    applied(plan, "messages.thread_id", 22)
    gone_again(plan, "returns.item_id", 16, 21)
    gone_again(plan, "tickets.agent_id", 17, 23)
    plan.event("advice for tickets.agent_id applied again")
    plan.sql(31, create("tickets.agent_id"))
    helped(plan, "tickets.agent_id", 31)


def _told(plan: Plan) -> None:
    plan.event("advice for invoices.order_id told to be applied, and applied")
    given(plan, "invoices.order_id", 34)
    plan.sql(34, create("invoices.order_id"))
    plan.do(34, lambda world: world.decide("invoices.order_id", "applied"))
    helped(plan, "invoices.order_id", 34)


def _disregarded(plan: Plan) -> None:
    not_followed(
        plan,
        "orders.shop_id",
        12,
        "its columns in the wrong order",
        "CREATE INDEX ON orders (status, shop_id)",
        definition=on("orders.shop_id", "status"),
    )
    plan.allow("orders.shop_id", 12, "faster")  # the server skips through five statuses
    not_followed(
        plan,
        "items.product_id",
        13,
        "made on another table",
        "CREATE INDEX ON stock (id, product_id)",
    )
    plan.allow("stock.new", 15, "faster")  # reads what has that status by the new index
    plan.allow("stock.product_id", 13, "faster")  # reads all of that index, not all of the table
    not_followed(
        plan,
        "visits.page_id",
        14,
        "made in another schema",
        "CREATE SCHEMA archive",
        "CREATE TABLE archive.visits (LIKE visits)",
        "CREATE INDEX ON archive.visits (page_id)",
    )
    not_followed(
        plan,
        "stock.depot_id",
        15,
        "made with a condition",
        "CREATE INDEX ON stock (depot_id) WHERE status = 1",
    )
    not_followed(
        plan,
        "reviews.customer_id",
        11,
        "left behind INVALID",
        "CREATE INDEX broken ON reviews (customer_id)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
    )
    plan.expect("applied", 11, "noted", _is_noted)


def _mended(plan: Plan) -> None:
    plan.event("advice for reviews.customer_id mended")
    plan.sql(30, "DROP INDEX broken", create("reviews.customer_id"))
    helped(plan, "reviews.customer_id", 30)
    plan.event("advice for shipments.depot_id told to be applied, and not applied")
    given(plan, "shipments.depot_id", 21)
    plan.do(21, lambda world: world.decide("shipments.depot_id", "applied"))
    applied(plan, "shipments.depot_id", 23, "reverted")
    outcome(plan, "shipments.depot_id", 23, NOTHING)
    ignored(plan, "payments.account_id", 5, audit=False)
    ignored(plan, "invoices.ledger_id", 5, audit=True)
    rejected(plan, "stock.status", 5, 28, "stock.old")
    rejected(plan, "tickets.status", 5, 28, "tickets.latest")
    rejected(plan, "items.batch_id", 6, 28, "items.batch_id")
    rejected(plan, "visits.referrer_id", 6, 28, "visits.referrer_id")


def _is_noted(world: World) -> str:
    found = world.found("reviews.customer_id")
    return "noted" if found and "INVALID" in (found.status_reason or "") else NOTHING


def _useless(plan: Plan) -> None:
    never_used(plan, "orders.report", "note", 9, taken_back=13)
    never_used(plan, "visits.report", "note", 18, taken_back=None)
    revert(plan, "visits.report note", 51, "revert")
    replaced(plan, "shipments.order_id", 14)
    replaced(plan, "messages.channel_id", 31)
    replaced(plan, "stock.supplier_id", 38, ", as the machine gets slower")
    replaced(plan, "tickets.topic_id", 42, ", as it is called three times as often")
    plan.do(42, lambda world: world.factors.update({"tickets.topic_id": 3.0}))
    plan.event("advice to drop an index that nothing uses applied")
    plan.sql(0, "CREATE INDEX messages_unused ON messages (status, amount)")
    definition = '"public"."messages" USING btree ("status", "amount")'
    plan.do(
        12,
        lambda world: world.advise(
            "messages.edit", definition, kind="drop_index", statements=["messages.edit"]
        ),
    )
    plan.sql(13, "DROP INDEX messages_unused")
    applied(plan, "messages.edit", 13)
    plan.allow("messages.edit", 13, "faster")


def _harmful(plan: Plan) -> None:
    plan.event("advice for messages.search makes writing dear")
    definition = '"public"."messages" USING gin ("note" gin_trgm_ops)'
    given(plan, "messages.search", 23, definition)
    plan.sql(23, f"CREATE INDEX messages_words ON {definition} WITH (fastupdate = off)")
    applied(plan, "messages.search", 23)
    plan.change("messages.edit", 23, "slower", "index created")
    plan.allow("messages.search", 23, "faster")
    outcome(plan, "messages.search", 26, "regressed")
    revert(plan, "messages.search", 26, "revert")
    take_back(plan, "messages.search", 28)
    plan.allow("messages.edit", 28, "faster")
    plan.allow("messages.search", 28, "slower")


def _misleading(plan: Plan) -> None:
    plan.event("advice for tickets.latest misleads the planner")
    definition = '"public"."tickets" USING btree ("made_at")'
    given(plan, "tickets.latest", 9, definition)
    plan.sql(9, "CREATE INDEX tickets_made_at ON tickets (made_at)")
    applied(plan, "tickets.latest", 9)
    plan.change("tickets.latest", 9, "slower", "index created")
    outcome(plan, "tickets.latest", 12, "regressed")
    revert(plan, "tickets.latest", 12, "revert")
    take_back(plan, "tickets.latest", 14)
    plan.change("tickets.latest", 14, "faster", "index dropped")
    plan.event("advice to drop an index in use applied")
    name = "returns.depot_id"
    plan.sql(0, create(name))
    plan.do(35, lambda world: world.advise(name, on(name), kind="drop_index"))
    plan.sql(36, "DROP INDEX returns_depot_id")
    applied(plan, name, 36)
    plan.change(name, 36, "slower", "index dropped")
    outcome(plan, name, 39, "regressed")
    revert(plan, name, 39, "revert")


def _too_little(plan: Plan) -> None:
    plan.event("advice for refunds.rare, called once a week")
    given(plan, "refunds.rare", 12, on("refunds.reason_id"))
    plan.sql(12, create("refunds.reason_id"))
    applied(plan, "refunds.rare", 12)
    outcome(plan, "refunds.rare", 17, NOTHING)
    revert(plan, "refunds.rare", 17, NOTHING)
    plan.allow("refunds.reason_id", 12, "faster")
    plan.event("advice for payments.terminal_id dropped after a day")
    given(plan, "payments.terminal_id", 20)
    plan.sql(20, create("payments.terminal_id"))
    plan.sql(20, "DROP INDEX payments_terminal_id", day=1)
    applied(plan, "payments.terminal_id", 20, "not applied")
    outcome(plan, "payments.terminal_id", 24, NOTHING)
    plan.event("advice for reviews.campaign_id applied when nobody reads")
    given(plan, "reviews.campaign_id", 48)
    plan.sql(48, create("reviews.campaign_id"))
    applied(plan, "reviews.campaign_id", 48, "not applied")
    applied(plan, "reviews.campaign_id", 50)
    outcome(plan, "reviews.campaign_id", 51, "confirmed")
    plan.allow("reviews.campaign_id", 48, "faster")


def _broken(plan: Plan) -> None:
    index_lost(plan, "payments.branch_id", 5, 20)
    index_lost(plan, "shipments.carrier_id", 8, 24)
    index_lost(plan, "stock.bin_id", 12, 29)
    index_lost(plan, "tickets.queue_id", 35)
    index_lost(plan, "reviews.store_id", 37)
    index_lost(plan, "invoices.unit_id", 45)
    index_invalid(plan, "items.bundle_id", 10, 27)
    misled(plan, "shipments.route_id", 15, 30)
    misled(plan, "messages.folder_id", 33)
    misled(plan, "returns.lane_id", 43)
    setting(plan, "items.joined", 18, "join_collapse_limit = 1", 26)
    setting(plan, "items.unmatched", 32, "work_mem = '64kB'", 42)
    grown(plan, "refunds", 30, 13_500, ["refunds.report", "refunds.agent_id"])
    plan.allow("items.joined", 30, "slower")
    plan.event("orders.range asks for twenty times the rows")
    plan.do(31, lambda world: world.widths.update({"orders.range": 2000}))
    plan.change("orders.range", 31, "slower")
    begun(plan, "stock.new", 9)
    begun(plan, "reviews.new", 21)
    begun(plan, "returns.new", 37)
    ended(plan, "stock.old", 25)
    ended(plan, "reviews.old", 36)
    ended(plan, "returns.old", 44)


def _seeming(plan: Plan) -> None:
    called_more(plan, "refunds.desk_id", 16, 4)
    called_more(plan, "payments.report", 30, 3)
    locked_once(plan, "payments.account_id", 13)
    locked_once(plan, "invoices.ledger_id", 29)
    visits = [name for name in NAMES if name.startswith("visits.")]
    harmless(plan, "visits grows by a twentieth", 34, visits, fill("visits", 200_001, 200_250))
    plan.event("items.range is slow on weekends")
    plan.quiet(["items.range"], 8, 20, 32, 44)
    plan.event("invoices.range is slow at the end of each month")
    for week in range(3, plan.weeks, 4):
        plan.do(week, lambda world: world.widths.update({"invoices.range": 300}))
        plan.do(week + 1, lambda world: world.widths.update({"invoices.range": 100}))
    for week in (3, 7):  # when the weeks before know of no such week, or of a single one
        plan.allow("invoices.range", week, "slower", lasting=0)
    plan.quiet(["invoices.range"], 11, 19, 27, 35, 43)
    harmless(
        plan,
        "all indexes of shipments and tables of stock built anew",
        35,
        NAMES,
        "REINDEX TABLE CONCURRENTLY shipments",
        "VACUUM (FULL, ANALYZE) stock",
    )
    harmless(
        plan, "an index that nothing uses is made", 40, NAMES, "CREATE INDEX ON invoices (note)"
    )
    plan.event("twice as many calls of everything before Christmas")
    plan.do(46, lambda world: setattr(world, "peak", 2.0))
    plan.do(48, lambda world: setattr(world, "peak", 1.0))
    plan.quiet(NAMES, 46, 47)


def _server(plan: Plan) -> None:
    server_event(plan, "all statements reset", 14, "counters_lost", NAMES)
    plan.sql(14, "SELECT pg_stat_statements_reset()", day=2)
    server_event(plan, "one statement reset", 16, "statements_forgotten", NAMES)
    plan.sql(
        16,
        "SELECT pg_stat_statements_reset(userid, dbid, queryid) FROM pg_stat_statements "
        "WHERE query LIKE 'SELECT status, count(*)%payments%'",
        day=2,
    )
    server_event(plan, "statements evicted", 19, "statements_forgotten", NAMES)
    plan.do(19, _flood, day=2)
    server_event(plan, "a restart", 23, "restarted", NAMES)
    plan.do(23, World.restart, day=2)
    server_event(plan, "a crash", 27, "counters_lost", NAMES)
    plan.do(27, World.crash, day=3)
    server_event(plan, "a stop at once, and recovery", 24, "restarted", NAMES)
    plan.do(24, lambda world: world.restart(at_once=True), day=3)
    server_event(plan, "counters of tables reset", 34, "counters_lost", NAMES)
    plan.sql(34, "SELECT pg_stat_reset()", day=2)
    server_event(plan, "another server's query ids, counters gone", 41, "counters_lost", NAMES)
    plan.do(41, _rebuild)
    plan.do(41, World.crash)
    plan.allow("messages.folder_id", 41, "faster")  # its statistics are gathered anew


def _machine(plan: Plan) -> None:
    plan.event("the application signs in as somebody else")
    plan.sql(43, "CREATE ROLE somebody SUPERUSER", "SET ROLE somebody")
    plan.quiet(NAMES, 43)
    plan.event("the whole machine slower for three weeks")
    plan.do(38, lambda world: setattr(world, "is_slow", True))
    plan.do(41, lambda world: setattr(world, "is_slow", False))
    plan.expect("server", 38, "slower", lambda world: world.reports[38].machine.verdict)
    plan.quiet(NAMES, 38, 39)
    plan.event("nobody reads for two weeks")
    plan.do(48, lambda world: setattr(world, "is_read", False))
    plan.do(50, lambda world: setattr(world, "is_read", True))
    plan.quiet(NAMES, 48, 49, 50)
    plan.event("an audit of everything")
    plan.quiet(NAMES, 4, 28)


def _rebuild(world: World) -> None:
    """Make all tables anew, as an upgrade by dump and restore does."""
    for table in TABLES:
        world.rebuild(table)


def _flood(world: World) -> None:
    """Send so many statements, each so often, that the server has to forget rarer ones."""
    for number in range(FLOOD):
        deep, wide = divmod(number, 50)
        one = f"SELECT {'(' * deep}1{' + 1)' * deep}" + ", 1" * wide
        world.run(";".join([one] * OFTEN))
