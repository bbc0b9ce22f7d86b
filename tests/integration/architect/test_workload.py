"""Reading pg_stat_statements of any version, with and without the rights to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from agentdb.architect.workload import Thresholds, Workload, read_examples, read_workload
from agentdb.errors import ExtensionTooOld, StatementsUnavailable
from agentdb.target.connection import connect
from agentdb.target.read_catalog import read_catalog
from agentdb.target.statements import Window
from agentdb.target.syntax import fingerprint
from tests.servers import VERSIONS, database_name, new_database, run, value

VERSION_OF_STATEMENTS = """SELECT 1 FROM pg_available_extension_versions
    WHERE name = 'pg_stat_statements' AND version"""
EVERYTHING = Thresholds(share_of_time=1.0)


@pytest.fixture
def url(any_target: str) -> str:
    """A database to audit, on each server."""
    return any_target


@pytest.fixture
def shop(url: str) -> str:
    """A database with a table."""
    run(url, "CREATE TABLE orders (id int, customer int)", "INSERT INTO orders VALUES (1, 2)")
    return url


@pytest.fixture
def role(url: str) -> Iterator[str]:
    """A role with no rights to speak of; its password is p."""
    name = f"role_of_{database_name(url)}"
    run(url, f"CREATE ROLE {name} LOGIN PASSWORD 'p'")
    yield name
    run(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:p@{host}"))


def workload_of(url: str, thresholds: Thresholds = EVERYTHING) -> Workload:
    with connect(url) as connection:
        return read_workload(connection, thresholds)


def queries(workload: Workload) -> set[str]:
    return {statement.query for statement in workload.statements}


# What is read -------------------------------------------------------------------------------------


def test_what_the_application_has_executed_is_read_with_its_price(shop: str) -> None:
    select = "SELECT id FROM orders WHERE customer = {}"
    run(shop, *(select.format(number) for number in range(1, 6)), "DELETE FROM orders")
    workload = workload_of(shop)
    assert queries(workload) == {
        "SELECT id FROM orders WHERE customer = $1",
        "DELETE FROM orders",
        "INSERT INTO orders VALUES ($1, $2)",
    }
    (read,) = (s for s in workload.statements if s.kind == "select")
    assert (read.calls, read.rows, read.blocks, read.temp_blocks) == (5, 1, 5, 0)
    assert read.fingerprint == fingerprint("SELECT id FROM orders WHERE customer = 7")
    assert 0 < read.total_milliseconds < workload.total_milliseconds
    assert read.mean_milliseconds == read.total_milliseconds / 5
    assert workload.server_version // 10_000 in VERSIONS


def test_what_was_left_out_is_accounted_for(shop: str) -> None:
    run(shop, "BEGIN", "SELECT relname FROM pg_class LIMIT 1", "SELECT 1", "COMMIT")
    workload = workload_of(shop)
    reasons = {skipped.query: skipped.reason for skipped in workload.skipped}
    assert reasons["BEGIN"] == "transaction control"
    assert reasons["SELECT relname FROM pg_class LIMIT $1"] == "reads the system's catalogs only"
    assert reasons["SELECT $1"] == "names no table"
    assert reasons["CREATE TABLE orders (id int, customer int)"] == "a utility statement"
    left_out = sum(skipped.share_of_time for skipped in workload.skipped)
    assert left_out + workload.coverage.share_of_time == pytest.approx(1)


def test_statements_of_another_database_are_not_ours(shop: str) -> None:
    with new_database(shop) as other:
        run(other, "CREATE TABLE elsewhere (a int)", "SELECT a FROM elsewhere")
        assert not any("elsewhere" in query for query in queries(workload_of(shop)))


def test_statements_inside_functions_are_not_counted_twice(shop: str) -> None:
    run(
        shop,
        "CREATE FUNCTION busy() RETURNS int LANGUAGE plpgsql"
        " AS 'BEGIN RETURN (SELECT count(*) FROM orders WHERE customer = 5); END'",
        "SET pg_stat_statements.track = 'all'",
        "SELECT busy() FROM orders",
    )
    if workload_of(shop).server_version < 140_000:
        pytest.skip("PostgreSQL 13 does not tell which statements ran inside a function")
    assert not any("count(*)" in query for query in queries(workload_of(shop)))
    assert "SELECT busy() FROM orders" in queries(workload_of(shop))


def test_our_own_reading_leaves_no_mark_in_the_next_workload(shop: str, role: str) -> None:
    run(
        shop,
        f"GRANT pg_read_all_stats TO {role}",
        "CREATE SCHEMA agentdb",
        "CREATE TABLE agentdb.audits (id int)",
        "SELECT id FROM agentdb.audits",
    )
    with connect(as_role(shop, role)) as connection:
        before = read_workload(connection, EVERYTHING)
        read_catalog(connection)
        read_examples(connection)
        after = read_workload(connection, EVERYTHING)
    assert queries(after) == queries(before) == {"INSERT INTO orders VALUES ($1, $2)"}
    told = {skipped.query for skipped in after.skipped} - {s.query for s in before.skipped}
    # psycopg's own: what opens and ends the transaction in which the catalog is read
    assert told <= {"BEGIN", "COMMIT"}


def test_several_users_of_a_statement_are_added_up(shop: str, role: str) -> None:
    run(shop, f"GRANT SELECT ON orders TO {role}", "SELECT id FROM orders")
    run(as_role(shop, role), "SELECT id FROM orders", "select id from orders")
    (read,) = (s for s in workload_of(shop).statements if s.kind == "select")
    assert read.calls == 3


def test_thresholds_come_from_the_caller(shop: str) -> None:
    run(shop, "SELECT id FROM orders", "SELECT id FROM orders")
    frequent = Thresholds(share_of_time=1.0, min_calls=2)
    assert queries(workload_of(shop, frequent)) == {"SELECT id FROM orders"}


def test_an_unused_database_has_an_empty_workload_and_is_no_error(url: str) -> None:
    workload = workload_of(url)
    assert workload.statements == ()
    assert workload.notes[0].startswith("none of the ")


def test_the_window_says_since_when_is_counted(shop: str) -> None:
    run(shop, "SELECT pg_stat_statements_reset()", "SELECT id FROM orders")
    workload = workload_of(shop)
    window = workload.window
    if workload.server_version < 140_000:  # it does not know
        assert window == Window()
        return
    assert window.since is not None
    assert datetime.now(UTC) - window.since < timedelta(minutes=5)
    assert window.evictions == 0


# Versions and places of the extension -------------------------------------------------------------


def _reinstall(url: str, version: str, schema: str = "public") -> None:
    if value(url, f"{VERSION_OF_STATEMENTS} = '{version}'") is None:
        pytest.skip(f"this server came after pg_stat_statements {version}, or before it")
    run(
        url,
        "DROP EXTENSION pg_stat_statements",
        f"CREATE EXTENSION pg_stat_statements SCHEMA \"{schema}\" VERSION '{version}'",
    )


@pytest.mark.parametrize("version", ["1.8", "1.9", "1.10"])
def test_older_versions_are_read(shop: str, version: str) -> None:
    _reinstall(shop, version)
    run(shop, "SELECT id FROM orders")
    workload = workload_of(shop)
    assert "SELECT id FROM orders" in queries(workload)
    assert (workload.window.since is None) == (version == "1.8")


@pytest.mark.parametrize("version", ["1.4", "1.7"])
def test_a_version_that_is_too_old_is_said(shop: str, version: str) -> None:
    _reinstall(shop, version)
    with pytest.raises(
        ExtensionTooOld,
        match=rf"{version} is older than 1\.8: run ALTER EXTENSION pg_stat_statements UPDATE",
    ):
        workload_of(shop)


def test_the_extension_may_lie_in_any_schema(shop: str) -> None:
    name = 'mon "itor\n); DROP TABLE orders; --'
    run(shop, 'CREATE SCHEMA "{}"'.format(name.replace('"', '""')))
    _reinstall(shop, "1.8", schema=name.replace('"', '""'))
    run(shop, "SELECT id FROM orders")
    assert "SELECT id FROM orders" in queries(workload_of(shop))


# Without the extension, or the right to it --------------------------------------------------------


def test_a_missing_extension_is_said(shop: str) -> None:
    run(shop, "DROP EXTENSION pg_stat_statements")
    with pytest.raises(StatementsUnavailable) as caught:
        workload_of(shop)
    assert str(caught.value) == (
        f'pg_stat_statements is not installed in database "{database_name(shop)}": '
        "run CREATE EXTENSION pg_stat_statements there"
    )


@pytest.mark.parametrize(
    "forbidden",
    [
        "REVOKE ALL ON pg_stat_statements FROM PUBLIC",
        "REVOKE ALL ON FUNCTION pg_stat_statements FROM PUBLIC",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    ],
)
def test_a_missing_right_to_the_view_is_said(shop: str, role: str, forbidden: str) -> None:
    run(shop, "SELECT id FROM orders", forbidden)
    with pytest.raises(StatementsUnavailable) as caught:
        workload_of(as_role(shop, role))
    assert str(caught.value).startswith(f'role "{role}" may not read pg_stat_statements: run GRANT')
    assert f'GRANT pg_read_all_stats TO "{role}"' in str(caught.value)


def test_hidden_texts_are_an_error_when_nothing_else_is_there(shop: str, role: str) -> None:
    with pytest.raises(StatementsUnavailable) as caught:
        workload_of(as_role(shop, role))
    assert str(caught.value) == (
        "pg_stat_statements hides the statements of other users: "
        f'run GRANT pg_read_all_stats TO "{role}"'
    )


def test_hidden_texts_beside_others_are_left_out_with_their_share(shop: str, role: str) -> None:
    run(shop, f"GRANT SELECT ON orders TO {role}")
    run(as_role(shop, role), "SELECT id FROM orders")
    workload = workload_of(as_role(shop, role))
    assert queries(workload) == {"SELECT id FROM orders"}
    (hidden,) = (s for s in workload.skipped if s.query == "<insufficient privilege>")
    assert hidden.reason.endswith("texts of other users are hidden: grant pg_read_all_stats")
    assert 0 < hidden.share_of_time < 1


def test_a_right_to_the_texts_is_enough(shop: str, role: str) -> None:
    run(shop, f"GRANT pg_read_all_stats TO {role}", "SELECT id FROM orders")
    assert "SELECT id FROM orders" in queries(workload_of(as_role(shop, role)))


# Examples -----------------------------------------------------------------------------------------


def test_what_is_sent_while_it_watches_is_an_example_as_often_as_it_is_sent(shop: str) -> None:
    texts = [f"SELECT id FROM orders WHERE customer = {n}" for n in (1, 2, 2, 2)]

    def work() -> None:
        with psycopg.connect(shop, autocommit=True) as application:
            for text in texts:
                application.execute(text.encode())
                time.sleep(0.3)

    with psycopg.connect(shop) as pooled, connect(shop) as connection:
        pooled.execute("SELECT id FROM orders WHERE customer = 3")  # sits there, as pools do
        worker = Thread(target=work)
        worker.start()
        found = read_examples(connection, seconds=2)
        worker.join()
    last = "SELECT id FROM orders WHERE customer = 3"
    assert found[fingerprint(last)] == tuple(sorted([*texts, last]))


def test_where_nobody_is_there_it_does_not_watch(shop: str) -> None:
    with connect(shop) as connection:
        started = time.monotonic()
        assert read_examples(connection, seconds=60) == {}
    assert time.monotonic() - started < 30


def test_what_sessions_sent_last_are_examples_with_their_values(shop: str) -> None:
    sent = "SELECT id FROM orders WHERE customer = 42"
    cut_off = f"{sent} -- {'x' * 2000}\n AND id = 7"
    with psycopg.connect(shop) as one, psycopg.connect(shop) as two, psycopg.connect(shop) as three:
        one.execute(sent.encode())
        two.execute("SELECT id FROM orders WHERE customer = %s", (1,))
        three.execute(cut_off.encode())
        with connect(shop) as connection:
            assert read_examples(connection) == {fingerprint(sent): (sent,)}
