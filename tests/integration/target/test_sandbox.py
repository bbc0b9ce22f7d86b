from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from agentdb.errors import SandboxEscaped, TargetLost
from agentdb.target.connection import connect as connect_as_guest
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure, Limits, open_sandbox
from tests.servers import connect, new_database, run, value

Guest = psycopg.Connection[TupleRow]
LIMITS = Limits()


@pytest.fixture(scope="module")
def target(any_server: str) -> Iterator[str]:
    """A database with one table, on each server, as its superuser."""
    with new_database(any_server) as url:
        run(
            url,
            "CREATE TABLE orders (id integer PRIMARY KEY, status text)",
            "INSERT INTO orders SELECT n, 'open' FROM generate_series(1, 1000) AS n",
            "CREATE SEQUENCE numbers",
            "VACUUM ANALYZE orders",
        )
        yield url


@pytest.fixture
def guest(target: str) -> Iterator[Guest]:
    with connect_as_guest(target) as connection:
        yield connection


def failure(result: Plan | Failure) -> Failure:
    assert isinstance(result, Failure), "it gave a plan"
    return result


def setting(guest: Guest, name: str) -> str:
    row = guest.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


# What it gives ------------------------------------------------------------------------------------


def test_a_plan_is_expected_and_a_measurement_is_done(guest: Guest) -> None:
    with open_sandbox(guest, LIMITS) as box:
        plan = box.plan("SELECT * FROM orders WHERE id = 7")
        measured = box.measure("SELECT * FROM orders WHERE id = 7")
    assert isinstance(plan, Plan)
    assert isinstance(measured, Plan)
    assert plan.indexes() == measured.indexes() == {"orders_pkey"}
    assert (plan.milliseconds, plan.blocks) == (None, None)
    assert measured.rows == 1
    assert measured.blocks == 3
    assert measured.milliseconds is not None


def test_of_several_runs_the_fastest_tells(guest: Guest) -> None:
    fewer_each_time = """
        SELECT * FROM generate_series(1, set_config('test.rows', (
            coalesce(nullif(current_setting('test.rows', true), ''), '300000')::int - 100000
        )::text, true)::int)
    """
    with open_sandbox(guest, LIMITS) as box:
        measured = [box.measure(fewer_each_time, runs) for runs in (1, 2, 3, 1)]
    rows = [plan.rows for plan in measured if isinstance(plan, Plan)]
    assert rows == [200_000, 100_000, 0, 200_000]


def test_percent_signs_and_brackets_travel_untouched(guest: Guest) -> None:
    with open_sandbox(guest, LIMITS) as box:
        plan = box.measure("SELECT * FROM orders WHERE status LIKE '%s{x}%%' OR id % 2 = 5")
    assert isinstance(plan, Plan)
    assert "%s{x}%%" in str(plan.root.conditions)


def test_what_we_build_is_seen_by_their_statements_and_gone_afterwards(guest: Guest) -> None:
    with open_sandbox(guest, LIMITS, builds=True) as box:
        box.connection.execute("CREATE TEMP TABLE orders AS SELECT 1 AS id, 'new' AS status")
        box.connection.execute("CREATE INDEX on_status ON public.orders (status)")
        copy = box.measure("SELECT * FROM orders")
        box.connection.execute("SET LOCAL enable_seqscan = off")
        original = box.plan("SELECT * FROM public.orders WHERE status = 'open'")
        box.connection.execute("CREATE TEMP TABLE more AS SELECT 1")
    assert isinstance(copy, Plan)
    assert isinstance(original, Plan)
    assert copy.rows == 1
    assert original.indexes() == {"on_status"}
    gone = guest.execute("SELECT to_regclass('on_status'), to_regclass('pg_temp.orders')")
    assert gone.fetchone() == (None, None)


def test_a_savepoint_of_ours_may_stand_around_theirs(guest: Guest) -> None:
    with open_sandbox(guest, LIMITS, builds=True) as box:
        with box.connection.transaction(force_rollback=True):
            box.connection.execute("CREATE TEMP TABLE t AS SELECT 1 AS id")
            assert isinstance(box.measure("SELECT * FROM t"), Plan)
            assert failure(box.measure("SELECT * FROM nowhere")).kind == "error"
            assert isinstance(box.measure("SELECT * FROM t"), Plan)
        assert "does not exist" in failure(box.measure("SELECT * FROM t")).reason


def test_an_error_of_ours_passes_and_everything_is_rolled_back(guest: Guest) -> None:

    def build_and_fail() -> None:
        with open_sandbox(guest, LIMITS, builds=True) as box:
            box.connection.execute("CREATE TABLE ours ()")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build_and_fail()
    assert guest.execute("SELECT to_regclass('ours')").fetchone() == (None,)


def test_the_session_is_as_it_was(guest: Guest) -> None:
    settings = "SELECT name, setting FROM pg_settings ORDER BY name"
    before = guest.execute(settings).fetchall()
    with open_sandbox(guest, LIMITS, builds=True) as box:
        box.measure("SELECT set_config('statement_timeout', '0', false)")
        box.measure("SELECT pg_advisory_lock(42)")
    assert guest.execute(settings).fetchall() == before
    locks = guest.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
    prepared = guest.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    assert (locks, prepared) == ((0,), (0,))


# What it holds back: nothing here asked the guard -----------------------------------------------


@pytest.mark.parametrize("builds", [False, True])
@pytest.mark.parametrize(
    "hostile",
    [
        "SELECT 1; COMMIT",
        "SELECT 1; INSERT INTO orders VALUES (0)",
        "COMMIT",
        "ROLLBACK TO SAVEPOINT _pg3_1",
        "DELETE FROM orders",
        "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT * FROM gone",
        "SELECT nextval('numbers')",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT * FROM orders FOR UPDATE",
    ],
)
def test_it_cannot_write_or_leave(
    target: str,
    guest: Guest,
    hostile: str,
    builds: bool,
) -> None:
    with open_sandbox(guest, LIMITS, builds=builds) as box:
        assert failure(box.measure(hostile)).kind == "error"
        assert isinstance(box.measure("SELECT * FROM orders"), Plan)
    assert value(target, "SELECT count(*) FROM orders") == 1000
    assert value(target, "SELECT is_called FROM numbers") is False


def test_what_read_only_lets_through_is_rolled_back(target: str, guest: Guest) -> None:
    """PostgreSQL runs EXPLAIN ANALYZE CREATE TABLE AS in a read-only transaction."""
    with open_sandbox(guest, LIMITS) as box:
        assert isinstance(box.measure("CREATE TABLE theirs AS SELECT 1 AS id"), Plan)
        assert failure(box.plan("SELECT * FROM theirs")).kind == "error"
    assert value(target, "SELECT to_regclass('theirs')") is None


def test_read_only_is_switched_back_for_us_alone(guest: Guest) -> None:
    with open_sandbox(guest, LIMITS, builds=True) as box:
        box.measure("SELECT set_config('transaction_read_only', 'on', false)")
        assert setting(box.connection, "transaction_read_only") == "off"
        box.connection.execute("CREATE TEMP TABLE t ()")


def test_a_sandbox_that_does_not_build_cannot_be_made_to(guest: Guest) -> None:
    with open_sandbox(guest, LIMITS) as box:
        assert setting(box.connection, "transaction_isolation") == "repeatable read"
        with pytest.raises(psycopg.errors.ActiveSqlTransaction), box.connection.transaction():
            box.connection.execute("SET TRANSACTION READ WRITE")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), box.connection.transaction():
            box.connection.execute("CREATE TEMP TABLE t ()")


def test_reading_takes_no_transaction_id(target: str, guest: Guest) -> None:
    next_id = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
    before = value(target, next_id)
    with open_sandbox(guest, LIMITS) as box:
        box.measure("SELECT * FROM orders")
    assert value(target, next_id) == before


@pytest.mark.parametrize("builds", [False, True])
@pytest.mark.parametrize("way_out", [["COMMIT"], ["COMMIT", "BEGIN"], ["COMMIT AND CHAIN"]])
def test_a_statement_that_leaves_is_noticed(
    guest: Guest,
    builds: bool,
    way_out: list[str],
) -> None:
    def leave() -> None:
        with open_sandbox(guest, LIMITS, builds=builds) as box:
            for statement in way_out:
                box.connection.execute(statement.encode())

    with pytest.raises(SandboxEscaped):
        leave()
    assert guest.info.transaction_status is TransactionStatus.IDLE


def test_it_is_noticed_inside_a_savepoint_of_ours_as_well(guest: Guest) -> None:
    def leave() -> None:
        with open_sandbox(guest, LIMITS) as box, box.connection.transaction(force_rollback=True):
            box.connection.execute("COMMIT")
            box.measure("SELECT 1")

    with pytest.raises(SandboxEscaped):
        leave()
    assert guest.info.transaction_status is TransactionStatus.IDLE


# What it limits ---------------------------------------------------------------------------------


def test_a_run_that_lifts_the_limits_does_not_lift_them_for_the_next(guest: Guest) -> None:
    limits = Limits(statement_milliseconds=200)
    slow_the_second_time = """
        SELECT CASE current_setting('test.again', true) WHEN 'yes' THEN pg_sleep(5) END,
               set_config('test.again', 'yes', true), set_config('statement_timeout', '0', true)
    """
    with open_sandbox(guest, limits) as box:
        assert isinstance(box.measure(slow_the_second_time), Plan)
        assert failure(box.measure(slow_the_second_time, 2)).kind == "timeout"


def test_a_slow_statement_is_cut_and_the_next_one_runs(guest: Guest) -> None:
    with open_sandbox(guest, Limits(statement_milliseconds=100)) as box:
        assert failure(box.measure("SELECT pg_sleep(30)")).kind == "timeout"
        box.measure("SELECT set_config('statement_timeout', '0', false)")
        assert failure(box.measure("SELECT pg_sleep(30)")).kind == "timeout"
        assert isinstance(box.measure("SELECT 1"), Plan)


def test_nobody_is_waited_for_long(target: str, guest: Guest) -> None:
    with connect(target) as other, other.transaction(), open_sandbox(guest, LIMITS) as box:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        assert failure(box.measure("SELECT * FROM orders")).kind == "lock"
        assert time.monotonic() - started < 1


def test_what_costs_too_much_is_not_run(guest: Guest) -> None:
    with open_sandbox(guest, Limits(most_cost=1000)) as box:
        refused = failure(box.measure("SELECT pg_sleep(30) FROM orders AS a, orders AS b"))
        assert isinstance(box.measure("SELECT * FROM orders"), Plan)
        assert failure(box.measure("SELECT nonsense")).kind == "error"
    assert refused.kind == "cost"
    assert "the limit is 1000" in refused.reason


def test_after_its_time_it_only_says_so(guest: Guest) -> None:
    with open_sandbox(guest, Limits(transaction_milliseconds=50)) as box:
        time.sleep(0.06)
        assert box.milliseconds_left == 0
        assert failure(box.measure("SELECT 1")).kind == "timeout"


def test_the_server_ends_what_we_forget(target: str) -> None:
    """As if this process were stopped in the middle: nobody is left to roll back."""

    def forget() -> None:
        with connect(target) as guest, open_sandbox(guest, Limits(idle_milliseconds=100)) as box:
            time.sleep(0.4)
            box.plan("SELECT 1")

    with pytest.raises(TargetLost):
        forget()


def test_a_server_that_dies_is_an_error_not_a_failure(target: str) -> None:

    def kill() -> None:
        with connect(target) as guest, open_sandbox(guest, LIMITS) as box:
            run(target, f"SELECT pg_terminate_backend({guest.info.backend_pid})")
            box.measure("SELECT 1")

    with pytest.raises(TargetLost):
        kill()
