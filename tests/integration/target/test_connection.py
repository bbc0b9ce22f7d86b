"""The way into the audited database: polite, read only, and clear about a shut door."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.errors import LockNotAvailable, QueryCanceled, ReadOnlySqlTransaction

from agentdb.errors import BadSetting, TargetLost, TargetTooOld, TargetUnreachable
from agentdb.target.connection import connect, describe, read_server, translating_loss
from tests.servers import database_name, run, value, with_database

SECRET = "hunter2"  # noqa: S105 - nobody's
STATEMENTS = {13: "1.8", 14: "1.9", 15: "1.10", 16: "1.10", 17: "1.11", 18: "1.12"}
"""The versions of pg_stat_statements, by the server that they came with."""


@pytest.fixture
def url(any_target: str) -> str:
    """A database to audit, on each server."""
    return any_target


def as_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    _, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{host}"))


# A good guest -------------------------------------------------------------------------------------


def test_a_guest_says_who_it_is_and_leaves_pg_stat_statements_alone(url: str) -> None:
    run(url, "SELECT pg_stat_statements_reset()")
    with connect(url) as connection:
        assert connection.autocommit
        connection.execute("SELECT 1 AS seen")
        names = "SELECT query FROM pg_stat_activity WHERE application_name = 'agentdb'"
        assert value(url, names) == "SELECT 1 AS seen"
    counted = "SELECT count(*) FROM pg_stat_statements WHERE query LIKE 'SELECT $1 AS seen%'"
    assert value(url, counted) == 0


def test_a_guest_cannot_write(url: str) -> None:
    with connect(url) as connection:
        with pytest.raises(ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE t (a int)")
        with pytest.raises(ReadOnlySqlTransaction), connection.transaction():
            connection.execute("CREATE TABLE t (a int)")


def test_a_guest_waits_for_no_lock(url: str) -> None:
    run(url, "CREATE TABLE t (a int)")
    with psycopg.connect(url) as owner, connect(url, lock_timeout_ms=50) as connection:
        owner.execute("LOCK TABLE t")
        started = time.monotonic()
        with pytest.raises(LockNotAvailable):
            connection.execute("SELECT a FROM t")
        assert time.monotonic() - started < 2


def test_a_guest_gives_up_a_statement_that_takes_too_long(url: str) -> None:
    with connect(url, statement_timeout_ms=50) as connection, pytest.raises(QueryCanceled):
        connection.execute("SELECT pg_sleep(10)")


def test_values_come_in_one_form_whatever_the_database_prefers(url: str) -> None:
    name = database_name(url)
    run(
        url,
        f"ALTER DATABASE \"{name}\" SET DateStyle = 'German'",
        f"ALTER DATABASE \"{name}\" SET IntervalStyle = 'iso_8601'",
        f"ALTER DATABASE \"{name}\" SET bytea_output = 'escape'",
    )
    shown = "SELECT date '2026-03-01' || ' ' || interval '1 day' || ' ' || bytea '\\x0a'"
    with connect(url) as connection:
        assert connection.execute(shown).fetchone() == ("2026-03-01 1 day \\x0a",)


def test_our_own_tables_never_stand_for_the_applications(url: str) -> None:
    run(
        url,
        "CREATE SCHEMA agentdb",
        "CREATE TABLE agentdb.audits AS SELECT 'ours' AS whose",
        "CREATE TABLE public.audits AS SELECT 'theirs' AS whose",
        'CREATE SCHEMA "a, b"',
        f'ALTER DATABASE "{database_name(url)}" SET search_path = "$user", "a, b", public, nowhere',
    )
    with psycopg.connect(url) as owner:
        assert owner.execute("SELECT whose FROM audits").fetchone() == ("ours",)
    with connect(url) as connection:
        assert connection.execute("SELECT whose FROM audits").fetchone() == ("theirs",)
        assert read_server(connection).search_path == ["a, b", "public"]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_text_in_an_old_encoding_goes_there_and_back(url: str, encoding: str) -> None:
    name = f"{database_name(url)}_old"
    made = f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
    run(url, made)
    try:
        old = with_database(url, name)
        with psycopg.connect(old, client_encoding="latin1") as owner:
            owner.execute("CREATE TABLE t (a text)")
            owner.execute("INSERT INTO t VALUES ('caf\u00e9')")
        with connect(old) as connection:
            assert connection.execute("SELECT a FROM t").fetchall() == [("caf\u00e9",)]
            found = connection.execute("SELECT count(*) FROM t WHERE a = 'caf\u00e9'").fetchone()
            assert found == (1,)
            assert read_server(connection).encoding == encoding
    finally:
        run(url, f'DROP DATABASE "{name}" WITH (FORCE)')


def test_the_server_tells_what_it_is(url: str) -> None:
    run(url, "CREATE SCHEMA shop", f'ALTER DATABASE "{database_name(url)}" SET search_path = shop')
    with connect(url) as connection:
        server = read_server(connection)
        assert server.version_number == connection.info.server_version
    major = server.version_number // 10_000
    assert server.version.split(".")[0] == str(major)
    assert (server.database, server.role) == (database_name(url), "agentdb")
    assert (server.is_superuser, server.is_standby) == (True, False)
    assert server.search_path == ["shop"]
    assert set(server.extensions) >= {"plpgsql", "pg_stat_statements", "pg_trgm"}
    assert server.extensions["pg_stat_statements"] == STATEMENTS[major]


# A shut door --------------------------------------------------------------------------------------


def refusal(url: str) -> str:
    """What is said when nobody lets us in: one line, without the password."""
    with pytest.raises(TargetUnreachable) as caught:
        connect(url)
    line = str(caught.value)
    assert "\n" not in line
    assert SECRET not in line
    return line


def test_a_wrong_password_is_said(target_url: str) -> None:
    assert refusal(as_role(target_url, "agentdb", SECRET)).endswith(
        'password authentication failed for user "agentdb"; '
        "check the user and the password in the URL"
    )


def test_a_wrong_database_is_said(url: str) -> None:
    assert refusal(with_database(url, "nowhere")).endswith(
        'database "nowhere" does not exist; check the name of the database in the URL'
    )


def test_a_wrong_folder_of_the_socket_is_said() -> None:
    assert refusal(f"postgresql://u:{SECRET}@/d?host=/nonexistent") == (
        "cannot connect to /nonexistent/d: No such file or directory; "
        "check the folder of the socket in the URL, and that the server runs"
    )


def test_a_wrong_host_is_said() -> None:
    line = refusal(f"postgresql://u:{SECRET}@host.invalid/d")
    assert line.startswith("cannot connect to host.invalid/d: ")
    assert line.endswith("; check the host in the URL")


def test_a_wrong_port_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert refusal(f"postgresql://u:{SECRET}@127.0.0.1:{port}/d") == (
        f"cannot connect to 127.0.0.1:{port}/d: Connection refused; "
        "check the host and the port in the URL, and that the server runs"
    )


def test_a_server_without_tls_is_said() -> None:
    with answering(b"N") as port:
        line = refusal(f"postgresql://u:{SECRET}@127.0.0.1:{port}/d?sslmode=require")
    assert line.endswith("check sslmode and the certificates in the URL")


def test_a_host_that_never_answers_is_given_up_in_the_time_the_url_says() -> None:
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        line = refusal(f"postgresql://u:{SECRET}@127.0.0.1:{port}/d?connect_timeout=2")
    assert "timeout" in line
    assert time.monotonic() - started < 8


def test_a_server_before_13_is_too_old() -> None:
    with (
        answering(_old_server("12.9")) as port,
        pytest.raises(TargetTooOld, match=r"version 12\.9; agentdb reads PostgreSQL 13 and newer"),
    ):
        connect(f"postgresql://u:{SECRET}@127.0.0.1:{port}/d?sslmode=disable&gssencmode=disable")


def test_a_url_that_cannot_be_read_is_a_bad_setting_and_not_shown() -> None:
    with pytest.raises(BadSetting) as caught:
        connect(f"postgres//u:{SECRET}@h/d")
    assert SECRET not in f"{caught.value} {caught.value.__cause__}"


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Listen on a port of this machine and answer the first message in these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                client.sendall(answer)
                client.recv(1000)

        thread = threading.Thread(target=answer_once, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=5)


def _old_server(version: str) -> bytes:
    """What a server says to let somebody in: welcome, its version, and that it is ready."""
    parameter = f"server_version\0{version}\0".encode()
    return (
        b"R" + struct.pack("!II", 8, 0)
        + b"S" + struct.pack("!I", 4 + len(parameter)) + parameter
        + b"Z" + struct.pack("!I", 5) + b"I"
    )  # fmt: skip


# A server that goes away --------------------------------------------------------------------------


def test_a_server_that_dies_in_the_middle_is_lost(url: str) -> None:
    connection = connect(url)
    run(url, f"SELECT pg_terminate_backend({connection.info.backend_pid})")
    with pytest.raises(TargetLost, match="run the audit again when it is back"):
        read_server(connection)
    with pytest.raises(TargetLost, match="closed"):
        read_server(connection)


def test_other_errors_are_not_taken_for_a_loss(url: str) -> None:
    with connect(url, statement_timeout_ms=50) as connection:
        with pytest.raises(QueryCanceled), translating_loss():
            connection.execute("SELECT pg_sleep(10)")
        with pytest.raises(psycopg.ProgrammingError), translating_loss():
            connection.execute("SELEC 1")


# Names without secrets ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "described"),
    [
        (f"postgresql://u:{SECRET}@db.example.com/orders", "db.example.com/orders"),
        (f"postgresql://u:{SECRET}@db:5432/orders?sslmode=require", "db/orders"),
        (f"postgresql://u:{SECRET}@db:6432/orders", "db:6432/orders"),
        (f"host=db password={SECRET} dbname=orders", "db/orders"),
        (f"postgresql://u:{SECRET}@/orders?host=/run/pg", "/run/pg/orders"),
        (f"postgresql://u:{SECRET}@db", "db/u"),
    ],
)
def test_a_target_is_described_by_its_host_and_database(url: str, described: str) -> None:
    assert describe(url) == described
