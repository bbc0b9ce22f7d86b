"""What can happen in the middle of an audit: the end is in order, and nothing half done stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from agentdb.embedded.server import start, status
from tests.acceptance.running import AGENTDB, agentdb, complaint, environment, open_shop, places
from tests.servers import (
    FASTER,
    add_extensions,
    connect,
    database_name,
    reachable_folder,
    run,
    value,
    with_database,
)

Settings = Mapping[str, str]
Audit = subprocess.Popen[str]

ENDLESS = """SELECT count(*) FROM orders AS one, orders AS other
             WHERE one.customer_id + other.customer_id + one.total > 0"""

OURS = """SELECT count(*) FROM pg_stat_activity
          WHERE datname = '{}' AND application_name = 'agentdb'"""

MIDDLE = """
import sys
from agentdb.cli.interrupts import heed_interrupts
from agentdb.target.connection import connect
from agentdb.target.sandbox import Limits, open_sandbox

heed_interrupts()
connection = connect(sys.argv[1])
try:
    with open_sandbox(connection, Limits()), connection.transaction():
        connection.pgconn.send_query(b"SELECT pg_sleep(9)")
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("closed" if connection.closed else "open")
"""

MEASURING = f"{OURS} AND state = 'active' AND query LIKE '%ANALYZE%' AND now() - query_start > '1s'"


def make_endless(url: str) -> None:
    """Let the shop send a statement that was quick while its tables were small."""
    run(
        url,
        "CREATE TABLE kept AS TABLE orders",
        "TRUNCATE orders",
        ENDLESS,
        "INSERT INTO orders TABLE kept",
        "ANALYZE orders",
    )


@pytest.fixture
def endless(shop: Settings) -> Settings:
    """A shop whose audit takes for ever, unless something happens."""
    make_endless(shop["target_url"])
    return {**shop, "share_of_time": "1", "statement_timeout_ms": "100000"}


@contextmanager
def auditing(settings: Settings) -> Iterator[Audit]:
    """Start an audit and wait until it is in the middle of measuring."""
    with subprocess.Popen(  # noqa: S603
        [*AGENTDB, "audit"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(**settings),
    ) as audit:
        try:
            wait_until(settings["target_url"], MEASURING)
            yield audit
        finally:
            audit.kill()


def wait_until(target: str, query: str, expected: int = 1) -> None:
    """Look from another database, until a query about the target answers as expected."""
    elsewhere = with_database(target, "postgres")
    deadline = time.monotonic() + 60
    while value(elsewhere, query.format(database_name(target))) != expected:
        assert time.monotonic() < deadline, query
        time.sleep(0.1)


def ended(audit: Audit) -> subprocess.CompletedProcess[str]:
    """Wait for the audit's end and return what it left."""
    out, err = audit.communicate(timeout=60)
    return subprocess.CompletedProcess(audit.args, audit.returncode, out, err)


def kept(settings: Settings) -> tuple[object, object, object]:
    """Return status and error of the only audit kept, and how much advice there is."""
    url = settings["database_url"]
    return (
        value(url, "SELECT status FROM agentdb.audits"),
        value(url, "SELECT error FROM agentdb.audits"),
        value(url, "SELECT count(*) FROM agentdb.optimizations"),
    )


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_audit_on_both_sides(
    endless: Settings, asked: signal.Signals
) -> None:
    with auditing(endless) as audit:
        audit.send_signal(asked)
        assert complaint(ended(audit), code=130) == "interrupted"
    wait_until(endless["target_url"], OURS, expected=0)
    assert kept(endless) == ("failed", "interrupted", 0)


def test_an_interrupt_between_a_statement_and_its_answer_is_quiet(target_url: str) -> None:
    program = [sys.executable, "-c", MIDDLE, target_url]
    done = subprocess.run(program, capture_output=True, encoding="utf-8", check=True)  # noqa: S603
    assert (done.stdout, done.stderr) == ("closed\n", "")


def test_an_audit_that_is_killed_stands_in_nobodys_way(endless: Settings) -> None:
    with auditing(endless) as audit:
        audit.kill()
        audit.wait()
    run(endless["target_url"], "TRUNCATE orders", "INSERT INTO orders TABLE kept LIMIT 100")
    run(
        with_database(endless["target_url"], "postgres"),
        f"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = '{database_name(endless["target_url"])}'""",
    )
    again = agentdb("audit", **endless)
    assert again.returncode == 0, again.stderr
    states = "SELECT string_agg(status, ' ' ORDER BY started_at) FROM agentdb.audits"
    assert value(endless["database_url"], states) == "failed finished"


def test_two_audits_of_one_database_at_once_are_one_too_many(endless: Settings) -> None:
    with auditing(endless):
        said = complaint(agentdb("audit", **endless))
    assert "another audit of" in said
    assert said.endswith("is running: wait until it has ended")


def test_two_databases_may_be_audited_at_once(endless: Settings) -> None:
    ours = endless["database_url"]
    add_extensions(ours, "pg_stat_statements")
    with auditing(endless):
        assert agentdb("audit", **places(ours, ours)).returncode == 0


def test_the_target_ends_our_sessions_in_the_middle(endless: Settings) -> None:
    with auditing(endless) as audit:
        run(
            with_database(endless["target_url"], "postgres"),
            f"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = '{database_name(endless["target_url"])}'""",
        )
        said = complaint(ended(audit))
    assert "went away" in said
    assert "run the audit again when it is back" in said
    state, error, advice = kept(endless)
    assert (state, advice) == ("failed", 0)
    assert "went away" in str(error)


def test_the_server_of_both_databases_dies_in_the_middle() -> None:
    with reachable_folder() as folder:
        url = start(folder / "server", settings=FASTER)
        pid = status(folder / "server").pid
        assert pid is not None
        with connect(url) as connection:
            connection.execute("CREATE DATABASE shop")
        shop = with_database(url, "shop")
        add_extensions(shop, "pg_stat_statements")
        open_shop(shop)
        make_endless(shop)
        settings = {**places(url, shop), "share_of_time": "1", "statement_timeout_ms": "100000"}
        assert agentdb("init", **settings).returncode == 0
        with auditing(settings) as audit:
            os.kill(pid, signal.SIGQUIT)
            said = complaint(ended(audit))
    assert "went away" in said
