"""The embedded server from its first start to its end, crashes included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from agentdb.embedded.account import server_account
from agentdb.embedded.server import start, status, stop, url
from agentdb.errors import EmbeddedStopped
from tests.servers import connect, reachable_folder, run, value, with_database

FURNISHING = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'agentdb' AND state = 'active'
"""
START = "import sys, pathlib; from agentdb.embedded.server import start; "
START += "print(start(pathlib.Path(sys.argv[1])))"


def starter(folder: Path) -> subprocess.Popen[str]:
    """Start the server from a process of its own, in a process group of its own."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", START, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def pid_of(folder: Path) -> int:
    pid = status(folder).pid
    assert pid is not None
    return pid


def first_start_seconds() -> float:
    """Measure work, not waiting: other programs on the machine must not decide this test."""
    with reachable_folder() as parent:
        before = processor_seconds()
        address = start(parent / "server")
        assert value(address, "SELECT 1") == 1
        seconds = processor_seconds() - before
        stop(parent / "server")
    return seconds


def processor_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def test_the_first_start_takes_less_than_five_seconds() -> None:
    assert first_start_seconds() < 5


def test_the_extensions_that_agentdb_needs_are_there(running: Path) -> None:
    address = url(running)
    assert value(address, "SELECT '[1,2]'::vector <-> '[1,3]'") == 1
    assert value(address, "SELECT similarity('index', 'indexes') > 0.5") is True
    assert value(address, "SELECT count(*) > 0 FROM pg_stat_statements") is True


def test_a_second_start_finds_the_running_server(running: Path) -> None:
    pid = pid_of(running)
    assert start(running) == url(running)
    assert pid_of(running) == pid


def test_starters_at_the_same_time_get_one_server(parent: Path) -> None:
    starters = [starter(parent / "server") for _ in range(3)]
    ended = [(one.communicate(timeout=90), one.returncode) for one in starters]
    assert [code for _, code in ended] == [0, 0, 0]
    assert {out.strip() for (out, _), _ in ended} == {url(parent / "server")}


def test_rows_survive_a_stop(folder: Path) -> None:
    run(start(folder), "CREATE TABLE kept AS SELECT 7 AS answer")
    assert stop(folder)
    assert value(start(folder), "SELECT answer FROM kept") == 7


def test_a_stop_ends_open_connections(folder: Path) -> None:
    with connect(start(folder)) as connection:
        assert stop(folder)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_a_stop_of_nothing_says_so(folder: Path) -> None:
    assert not stop(folder)
    assert not stop(folder / "never made")


def test_the_server_outlives_the_process_that_started_it(folder: Path) -> None:
    with starter(folder) as process:
        assert process.wait(timeout=60) == 0
    assert value(url(folder), "SELECT 1") == 1


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(running: Path) -> None:
    pid = pid_of(running)
    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) != os.getpgid(0)


def test_a_killed_server_starts_again_with_its_rows(folder: Path) -> None:
    run(start(folder), "CREATE TABLE kept AS SELECT 7 AS answer")
    os.kill(pid_of(folder), signal.SIGKILL)
    assert value(start(folder), "SELECT answer FROM kept") == 7


def test_a_statement_that_outlives_a_killed_server_is_ended(folder: Path) -> None:
    address = start(folder)
    run(address, "CREATE TABLE kept AS SELECT 7 AS answer")
    with endless_statement(address):
        os.kill(pid_of(folder), signal.SIGKILL)
        assert value(start(folder), "SELECT answer FROM kept") == 7


@contextmanager
def endless_statement(address: str) -> Iterator[None]:
    """Keep a backend busy in a loop that never looks whether the server still lives."""

    def loop() -> None:
        with connect(address) as connection, suppress(psycopg.OperationalError):
            connection.execute("SELECT count(*) FROM generate_series(1, 1000000000000)")

    busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%000)'"
    thread = threading.Thread(target=loop)
    thread.start()
    while value(address, busy) == 0:
        time.sleep(0.05)
    yield
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_a_first_start_that_was_killed_half_way_can_be_repeated(parent: Path) -> None:
    for seconds in (0.5, 0.9, 1.3):
        with starter(parent / "server") as process:
            time.sleep(seconds)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert value(start(parent / "server"), "SELECT 1") == 1


def test_starts_that_were_killed_while_the_database_was_made_can_be_repeated(folder: Path) -> None:
    """The server goes on with what was asked for: here it waits until nobody reads the template."""
    server = with_database(start(folder), "postgres")
    run(server, "DROP DATABASE agentdb WITH (FORCE)")
    with connect(with_database(server, "template1")) as reader:
        for killed in range(3):
            with starter(folder) as process:
                while value(server, FURNISHING) == killed:
                    time.sleep(0.05)
                os.killpg(process.pid, signal.SIGKILL)
        threading.Timer(1.0, reader.close).start()
        assert value(start(folder), "SELECT 1 FROM pg_extension WHERE extname = 'vector'") == 1


def test_a_first_start_that_was_interrupted_leaves_no_half_made_cluster(parent: Path) -> None:
    with starter(parent / "server") as process:
        time.sleep(0.6)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)
    names = {path.name for path in (parent / "server").glob(".*")}
    assert names == set()
    assert value(start(parent / "server"), "SELECT 1") == 1


def test_the_pid_of_a_zombie_does_not_hinder_a_start(folder: Path) -> None:
    zombie = subprocess.Popen(["/bin/true"])
    wait_until_zombie(zombie.pid)
    pretend_it_runs(folder, zombie.pid)
    assert value(start(folder), "SELECT 1") == 1
    zombie.wait()


def test_the_pid_of_a_stranger_does_not_hinder_a_start_and_he_lives_on(folder: Path) -> None:
    user = server_account(folder / "data").uid if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/sleep", "60"], cwd="/", user=user) as stranger:
        pretend_it_runs(folder, stranger.pid)
        assert not stop(folder)
        assert value(start(folder), "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def wait_until_zombie(pid: int) -> None:
    while ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8"):
        time.sleep(0.01)


def pretend_it_runs(folder: Path, pid: int) -> None:
    """Write the `postmaster.pid` that a killed server leaves, as if `pid` had been its own."""
    data = folder / "data"
    lines = [pid, data, 1, 5432, folder / "run", "", "  1  1", "ready   "]
    (data / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n", encoding="utf-8")
    lock = folder / "run" / ".s.PGSQL.5432.lock"
    lock.write_text(f"{pid}\n{data}\n1\n5432\n{folder / 'run'}\n", encoding="utf-8")


def test_status_tells_of_a_running_server(running: Path) -> None:
    found = status(running)
    assert (found.running, found.folder) == (True, running)
    assert found.version == value(url(running), "SHOW server_version")
    assert found.size_bytes > 1_000_000
    assert found.pid is not None
    assert found.user == server_account(running / "data").name


def test_status_shows_no_password(running: Path) -> None:
    password = (running / "password").read_text(encoding="utf-8")
    assert password not in repr(status(running))
    assert password in url(running)


def test_status_tells_of_a_stopped_server(folder: Path) -> None:
    found = status(folder)
    assert (found.running, found.pid, found.url, found.version) == (False, None, None, "18")


def test_status_of_nothing_makes_nothing(parent: Path) -> None:
    found = status(parent / "server")
    assert (found.running, found.version, found.size_bytes) == (False, None, 0)
    assert not (parent / "server").exists()


def test_the_url_of_a_stopped_server_names_the_next_step(folder: Path) -> None:
    with pytest.raises(EmbeddedStopped, match="agentdb server start"):
        url(folder)


def test_the_default_database_comes_back_when_it_was_dropped(folder: Path) -> None:
    run(with_database(start(folder), "postgres"), "DROP DATABASE agentdb")
    stop(folder)
    assert value(start(folder), "SELECT count(*) FROM pg_extension WHERE extname = 'vector'") == 1
