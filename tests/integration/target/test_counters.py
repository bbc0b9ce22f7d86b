"""One reading of a real server's counters, on each version of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import pytest

from agentdb.errors import StatementsUnavailable
from agentdb.history.deltas import differences
from agentdb.history.reading import IndexCounters, Reading, Statement, Work
from agentdb.target.connection import connect
from agentdb.target.counters import read_counters
from tests.servers import connect as connect_as_application
from tests.servers import database_name, run, settle, value

UNTOLD = "statements were reset or forgotten, and the server does not say which"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

SHOP = (
    "CREATE TABLE orders (id int PRIMARY KEY, customer int, note text)",
    "INSERT INTO orders SELECT n, n % 10, 'x' FROM generate_series(1, 1000) n",
    "CREATE INDEX by_customer ON orders (customer) WHERE note <> ' USING btree ('",
    "CREATE VIEW plain AS SELECT * FROM orders",
    "CREATE VIEW busy AS SELECT customer FROM plain",
    "CREATE TABLE logs (at date, line text) PARTITION BY RANGE (at)",
    "CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "CREATE INDEX ON logs (at)",
)


@pytest.fixture
def shop(any_target: str) -> str:
    """A database with tables, a view and partitions, on each server."""
    run(any_target, *SHOP)
    run(any_target, "ANALYZE orders")
    return any_target


def read(url: str, hours: int = 0) -> Reading:
    settle(url)
    with connect(url) as connection:
        return read_counters(connection, "shop", NOON + timedelta(hours=hours))


def statements(reading: Reading) -> dict[str, Statement]:
    return {each.statement.query: each.statement for each in reading.statements}


def test_the_server_says_what_it_is_and_since_when_it_counts(shop: str) -> None:
    reading = read(shop)
    assert (reading.target, reading.taken_at) == ("shop", NOON)
    assert reading.server_version == value(
        shop, "SELECT current_setting('server_version_num')::int"
    )
    assert reading.server_started_at == value(shop, "SELECT pg_postmaster_start_time()")
    assert reading.server_started_at < reading.server_time
    assert (reading.statements_reset_at or NOON) < reading.server_time
    assert reading.evictions == (0 if reading.server_version >= 140_000 else None)
    assert {"work_mem", "jit", "enable_seqscan", "shared_buffers"} <= set(reading.settings)
    assert reading.settings["random_page_cost"] == "4"


def test_settings_of_a_role_are_settings(shop: str) -> None:
    role = f"worker_of_{database_name(shop)}"
    run(shop, f"CREATE ROLE {role}", f"ALTER ROLE {role} SET work_mem = '64MB'")
    run(shop, f"ALTER ROLE {role} SET application_name = 'w'")
    try:
        of_roles = {name: text for name, text in read(shop).settings.items() if role in name}
        assert of_roles == {f"work_mem of role {role}": "64MB"}
    finally:
        run(shop, f"DROP ROLE {role}")


def test_statements_know_their_tables_and_whether_they_write(shop: str) -> None:
    run(
        shop,
        "SELECT count(*) FROM orders WHERE customer = 7",
        "SELECT count(*) FROM busy",
        "INSERT INTO logs VALUES ('2026-05-05', 'x')",
        "WITH gone AS (DELETE FROM logs RETURNING line) SELECT line FROM gone",
        "SELECT 1",
        "SELECT relname FROM pg_class",
        "VACUUM logs",
    )
    found = statements(read(shop))
    assert {query: (sorted(one.tables), one.writes) for query, one in found.items()} == {
        "SELECT count(*) FROM orders WHERE customer = $1": (["public.orders"], False),
        "SELECT count(*) FROM busy": (["public.orders"], False),
        "INSERT INTO logs VALUES ($1, $2)": (["public.logs"], True),
        "WITH gone AS (DELETE FROM logs RETURNING line) SELECT line FROM gone": (
            ["public.logs"],
            True,
        ),
        "INSERT INTO orders SELECT n, n % $1, $2 FROM generate_series($3, $4) n": (
            ["public.orders"],
            True,
        ),
    }


def test_names_are_looked_up_as_the_application_does(shop: str) -> None:
    run(
        shop,
        "CREATE SCHEMA other",
        "CREATE TABLE other.orders (a int)",
        "CREATE TABLE other.things (a int)",
        "SELECT max(a) FROM other.orders",
        "SELECT id FROM orders",
    )
    with connect_as_application(shop) as connection:
        connection.execute("SET search_path = other")
        connection.execute("SELECT a FROM things")
    found = statements(read(shop))
    assert found["SELECT max(a) FROM other.orders"].tables == {"other.orders"}
    assert found["SELECT id FROM orders"].tables == {"public.orders"}
    assert found["SELECT a FROM things"].tables == {"other.things"}


def test_calls_between_two_readings_are_counted_with_their_price(shop: str) -> None:
    before = read(shop)
    select = "SELECT note FROM orders WHERE id = {}"
    run(shop, *(select.format(number) for number in range(1, 6)))
    (delta,) = differences(before, read(shop, hours=1)).statements
    assert delta.statement.query == "SELECT note FROM orders WHERE id = $1"
    assert (delta.spent.calls, delta.spent.rows, delta.spent.temp_blocks) == (5, 5, 0)
    assert 5 <= delta.spent.blocks <= 20
    assert delta.spent.milliseconds > 0


def test_work_on_tables_and_scans_of_indexes_are_counted(shop: str) -> None:
    before = read(shop)
    run(
        shop,
        "SELECT note FROM orders WHERE id = 1",
        "UPDATE orders SET note = 'y' WHERE id = 3",
        "DELETE FROM orders WHERE id = 4",
        "INSERT INTO orders VALUES (5000, 1, 'z')",
        "SELECT count(*) FROM logs",
    )
    deltas = differences(before, read(shop, hours=1))
    work = {delta.table.name: delta.work for delta in deltas.tables}
    assert work["orders"] == Work(0, 3, 1, 1, 0, 1)
    assert (work["logs_2026"] or Work(0, 0, 0, 0, 0, 0)).sequential_scans == 1
    assert {delta.index.name: delta.scans for delta in deltas.indexes}["orders_pkey"] == 3


def test_tables_say_how_they_stand(shop: str) -> None:
    run(shop, "INSERT INTO orders SELECT n, 1, 'z' FROM generate_series(2001, 2010) n")
    tables = {table.name: table for table in read(shop).tables}
    orders = tables["orders"]
    assert (orders.live_rows, orders.modified_rows) == (1010, 10)
    assert orders.size_bytes == value(shop, "SELECT pg_relation_size('orders')")
    assert orders.analyzed_at == value(
        shop, "SELECT last_analyze FROM pg_stat_user_tables WHERE relname = 'orders'"
    )
    assert tables["logs_2026"].parent == "public.logs"
    assert tables["logs"].parent is None
    assert set(tables) == {"orders", "logs", "logs_2026"}


def indexes(reading: Reading) -> dict[str, IndexCounters]:
    return {index.name: index for index in reading.indexes}


def test_indexes_are_what_they_are_without_their_names(shop: str) -> None:
    found = indexes(read(shop))
    by_customer = found["by_customer"]
    assert by_customer.definition == (
        "USING btree (customer) WHERE (note <> ' USING btree ('::text)"
    )
    assert (by_customer.is_valid, by_customer.is_unique, by_customer.is_constraint) == (
        True,
        False,
        False,
    )
    key = found["orders_pkey"]
    assert (key.definition, key.is_unique, key.is_constraint) == ("USING btree (id)", True, True)
    assert set(found) == {"by_customer", "orders_pkey", "logs_at_idx", "logs_2026_at_idx"}


def test_an_index_built_again_under_another_name_is_no_news(shop: str) -> None:
    before = read(shop)
    run(
        shop,
        "ALTER INDEX by_customer RENAME TO renamed",
        "REINDEX INDEX CONCURRENTLY orders_pkey",
        "DROP INDEX logs_at_idx",
        "CREATE INDEX other_name ON logs (at)",
    )
    assert differences(before, read(shop, hours=1)).events == ()


def test_an_index_that_could_not_be_built_is_invalid(shop: str) -> None:
    before = read(shop)
    failing = "CREATE UNIQUE INDEX CONCURRENTLY broken ON orders (customer)"
    with connect_as_application(shop) as connection, pytest.raises(Exception, match="duplicated"):
        connection.execute(failing.encode())
    kinds = [event.kind for event in differences(before, read(shop, hours=1)).events]
    assert kinds == ["index_created", "index_became_invalid"]


def test_a_table_that_is_being_altered_holds_nothing_up(shop: str) -> None:
    before = read(shop)
    with connect_as_application(shop) as connection, connection.transaction():
        connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        connection.execute("LOCK TABLE logs IN ACCESS EXCLUSIVE MODE")
        during = read(shop, hours=1)
    assert during.altered == {("public", "orders"), ("public", "logs"), ("public", "logs_2026")}
    assert len(during.tables) == len(before.tables)
    assert differences(before, during).events == ()


# Losses ------------------------------------------------------------------------------------------


def test_one_statement_that_is_reset_leaves_the_others_alone(shop: str) -> None:
    ours, others = "SELECT id FROM orders WHERE id = 1", "SELECT note FROM orders WHERE id = 1"
    run(shop, ours, ours, ours, others)
    before = read(shop)
    reset = """SELECT pg_stat_statements_reset(0, dbid, queryid) FROM pg_stat_statements
        WHERE query LIKE 'SELECT id FROM orders%'"""
    run(shop, reset, ours, others)
    after = read(shop, hours=1)
    deltas = differences(before, after)
    if after.server_version < 140_000:  # does not say when all were reset: it may have been now
        assert (deltas.statements, deltas.gap) == ((), UNTOLD)
        return
    calls = {delta.statement.query: delta.spent.calls for delta in deltas.statements}
    assert calls == {
        "SELECT id FROM orders WHERE id = $1": 1,
        "SELECT note FROM orders WHERE id = $1": 1,
    }
    assert [event.kind for event in deltas.events] == ["statements_forgotten"]
    assert deltas.gap is None


def test_counters_of_tables_that_are_reset_count_from_there(shop: str) -> None:
    run(shop, "SELECT count(*) FROM logs", "SELECT count(*) FROM logs")
    before = read(shop)
    run(shop, "SELECT pg_stat_reset()", "SELECT count(*) FROM logs")
    deltas = differences(before, read(shop, hours=1))
    work = {delta.table.name: delta.work for delta in deltas.tables}
    assert work["logs_2026"] == Work(1, 0, 0, 0, 0, 0)
    assert [event.kind for event in deltas.events] == ["counters_lost"]
    assert deltas.gap is None


def test_a_database_of_the_same_name_is_another_one(shop: str) -> None:
    before = read(shop)
    other = replace(read(shop, hours=1), database_oid=1)
    assert differences(before, other).gap == "another database has this name now"


# Guests -------------------------------------------------------------------------------------------


@pytest.fixture
def role(shop: str) -> Iterator[str]:
    """A role with no rights to speak of; its password is p."""
    name = f"role_of_{database_name(shop)}"
    run(shop, f"CREATE ROLE {name} LOGIN PASSWORD 'p'")
    yield name
    run(shop, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:p@{host}"))


def test_a_role_that_may_read_statistics_reads_them_and_leaves_nothing(
    shop: str, role: str
) -> None:
    run(shop, f"GRANT pg_read_all_stats TO {role}")
    whole = read(shop)
    seen = read(as_role(shop, role))
    assert len(seen.statements) == len(whole.statements) > 0
    assert seen.indexes == whole.indexes
    again = read(as_role(shop, role), hours=1)
    assert differences(seen, again).statements == ()
    assert differences(seen, again).events == ()


def test_a_role_without_it_is_told_what_to_grant(shop: str, role: str) -> None:
    with pytest.raises(StatementsUnavailable, match=f"GRANT pg_read_all_stats TO .*{role}"):
        read(as_role(shop, role))


def test_a_database_without_the_extension_is_told_what_to_create(empty_database: str) -> None:
    with pytest.raises(StatementsUnavailable, match="CREATE EXTENSION pg_stat_statements"):
        read(empty_database)


def test_thousands_of_texts_are_read_with_no_transaction_open(target_url: str) -> None:
    """A guest that keeps quiet in a transaction is shown the door."""
    run(target_url, "CREATE TABLE wide (a int)")
    for number in range(20):
        run(target_url, f"SELECT {', '.join(['a + 1', 'a'] * (150 + number))} FROM wide")
    with connect(target_url) as connection:
        connection.execute("SET idle_in_transaction_session_timeout = '500ms'")
        reading = read_counters(connection, "shop", NOON)
    assert len(reading.statements) == 20
