"""The embedded server lets nobody in but its owner, and loses nothing."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from agentdb.embedded.server import start, status, stop, url
from agentdb.errors import EmbeddedFailed, EmbeddedUnavailable
from tests.integration.embedded.conftest import copied
from tests.servers import as_user, connect, effective_user, free_port, value


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_only_the_owner_can_read_the_password_and_reach_the_socket(running: Path) -> None:
    assert mode(running / "password") == 0o600
    assert (mode(running / "run"), mode(running / "data")) == (0o700, 0o700)
    assert mode(running / "run" / ".s.PGSQL.5432") == 0o700


def test_no_umask_opens_or_closes_what_is_made_and_no_password_is_like_another(
    parent: Path,
) -> None:
    passwords = set()
    for umask in (0o000, 0o077):
        folder = parent / f"server {umask:o}"
        before = os.umask(umask)
        try:
            passwords.add(urlsplit(start(folder)).password)
        finally:
            os.umask(before)
        assert value(url(folder), "SELECT 1") == 1
        assert (mode(folder / "password"), mode(folder / "data")) == (0o600, 0o700)
    assert len(passwords) == 2


def test_a_wrong_password_is_refused(running: Path) -> None:
    address = url(running)
    password = urlsplit(address).password
    assert password is not None
    for wrong in (f":{password}x@", "@"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(address.replace(f":{password}@", wrong), passfile="/dev/null")


def test_passwords_are_kept_by_scram(running: Path) -> None:
    address = url(running)
    kept = value(address, "SELECT rolpassword FROM pg_authid WHERE rolname = 'agentdb'")
    assert str(kept).startswith("SCRAM-SHA-256$")
    methods = "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'"
    assert value(address, methods) == 0


def test_a_commit_is_on_disk(running: Path) -> None:
    address = url(running)
    settings = ("fsync", "synchronous_commit", "full_page_writes")
    assert [value(address, f"SHOW {name}") for name in settings] == ["on"] * 3


def test_nothing_listens_on_tcp_unless_asked(running: Path) -> None:
    address = url(running)
    assert value(address, "SHOW listen_addresses") == ""
    assert tcp_ports(running) == set()


def test_a_port_is_opened_on_the_loopback_address_alone(folder: Path) -> None:
    port = free_port()
    address = start(folder, port=port)
    assert f"@127.0.0.1:{port}/" in address
    assert value(address, "SELECT 1") == 1
    assert tcp_ports(folder) == {("0100007F", port)}
    with pytest.raises(EmbeddedFailed, match="agentdb server stop"):
        start(folder, port=port + 1)
    stop(folder)
    assert "127.0.0.1" not in start(folder)


def tcp_ports(folder: Path) -> set[tuple[str, int]]:
    """The addresses that the server's first process listens on, as /proc/net/tcp writes them."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells who listens, in /proc")
    pid = status(folder).pid
    try:
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except PermissionError:
        pytest.skip("root in a container may not look into other users' processes")
    files = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6")]
    rows = [line.split() for file in files for line in file.read_text().splitlines()[1:]]
    ours = [row[1].split(":") for row in rows if f"socket:[{row[9]}]" in links]
    return {(address, int(port, 16)) for address, port in ours}


def test_letters_count_as_letters_and_code_points_decide_the_order(running: Path) -> None:
    address = url(running)
    assert value(address, "SELECT similarity('Ünïcödé', 'ünïcödé')") == 1
    assert value(address, "SELECT upper('é') || ('Z' < 'a')::text") == "Étrue"
    with connect(address) as connection:
        connection.execute(
            "CREATE TEMP TABLE names AS SELECT md5(i::text) AS name FROM generate_series(1, 9999) i"
        )
        connection.execute("CREATE INDEX ON names (name)")
        plan = connection.execute("EXPLAIN SELECT FROM names WHERE name LIKE 'ab%'").fetchall()
    assert "Index Cond" in str(plan)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_root_runs_it_as_somebody_else(running: Path) -> None:
    pid = status(running).pid
    assert Path(f"/proc/{pid}").stat().st_uid == (running / "data").stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_another_user_may_neither_use_nor_stop_it(running: Path) -> None:
    with effective_user(65534):
        for use in (start, stop, url, status):
            with pytest.raises(EmbeddedUnavailable, match="run this as"):
                use(running)
    assert status(running).running


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_root_acts_for_the_user_whose_server_it_is(parent: Path) -> None:
    parent.chmod(0o777)
    folder = parent / "server"
    as_user(65534, lambda: start(folder))
    address = start(folder)
    assert status(folder).user == "nobody"
    assert stop(folder)
    assert start(folder) == address
    as_user(65534, lambda: stop(folder))
    assert not status(folder).running
    as_user(65534, lambda: start(folder))
    assert url(folder) == address


@pytest.mark.parametrize(
    "name", ["hömé dir ñ 日本", "it's a, folder", "x" * 120, "100% #1?&=@"], ids=range(4)
)
def test_any_folder_name_will_do(parent: Path, stopped_folder: Path, name: str) -> None:
    folder = copied(stopped_folder, parent / name)
    assert value(start(folder), "SELECT 1") == 1
    assert value(start(folder), "SELECT 2") == 2


def test_a_folder_with_a_strange_name_is_made_from_nothing(parent: Path) -> None:
    assert value(start(parent / "hömé dir ñ 日本, it's" / "x"), "SELECT 1") == 1
    stop(parent / "hömé dir ñ 日本, it's" / "x")


@pytest.mark.parametrize("character", list('"$`\\\n'))
def test_a_name_that_a_shell_would_take_apart_is_refused(parent: Path, character: str) -> None:
    with pytest.raises(EmbeddedUnavailable, match="AGENTDB_DATA_DIR"):
        start(parent / f"a{character}b")
    assert list(parent.iterdir()) == []
