"""What cannot be started says why in one line, and what to do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agentdb.embedded.locks import exclusive
from agentdb.embedded.server import start, stop
from agentdb.errors import EmbeddedError, EmbeddedFailed
from tests.servers import effective_user, value


def refusal(folder: Path, **how: object) -> str:
    with pytest.raises(EmbeddedError) as caught:
        start(folder, **how)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_folder_that_may_not_be_written(parent: Path) -> None:
    closed = parent / "closed"
    closed.mkdir(mode=0o555)
    with effective_user(65534 if os.geteuid() == 0 else os.geteuid()):
        message = refusal(closed / "server")
    assert str(closed) in message
    assert "choose another folder with AGENTDB_DATA_DIR" in message
    closed.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_a_folder_that_the_servers_user_cannot_reach(parent: Path) -> None:
    closed = parent / "closed"
    closed.mkdir(mode=0o700)
    assert f"chmod a+x {closed}" in refusal(closed / "server")
    shutil.rmtree(closed)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_user_id_without_a_name(parent: Path) -> None:
    parent.chmod(0o777)
    with effective_user(64999):
        assert "user id 64999, which has no name" in refusal(parent / "server")


def test_data_of_another_major_version(folder: Path) -> None:
    (folder / "data" / "PG_VERSION").write_text("17\n", encoding="ascii")
    message = refusal(folder)
    assert "PostgreSQL 17" in message
    assert "brings 18" in message


def test_a_password_file_that_is_gone(folder: Path) -> None:
    (folder / "password").unlink()
    assert "put it back" in refusal(folder)


def test_a_password_that_was_changed_in_the_server(folder: Path) -> None:
    (folder / "password").write_text("another", encoding="ascii")
    assert "password authentication failed" in refusal(folder)


def test_a_setting_that_postgres_refuses(folder: Path) -> None:
    assert "shared_buffers" in refusal(folder, settings={"shared_buffers": "nonsense"})
    assert value(start(folder), "SELECT 1") == 1


def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "choose another with --port" in refusal(folder, port=port)


def test_a_socket_folder_that_somebody_else_prepared(parent: Path) -> None:
    folder = parent / ("x" * 120)
    sockets = Path(start(folder).partition("?host=")[2].partition("&")[0])
    stop(folder)
    assert not sockets.exists()
    sockets.mkdir(mode=0o777)
    assert f"{sockets}, the folder for the server's socket, is not private" in refusal(folder)
    sockets.rmdir()


def test_a_start_waits_for_whoever_is_starting_but_not_for_ever(folder: Path) -> None:
    with (
        exclusive(folder / "start.lock", 1),
        pytest.raises(EmbeddedFailed, match="another process has held"),
        exclusive(folder / "start.lock", 0.2),
    ):
        pass


IN_PRIVATE_MOUNTS = """
set -e
{mounts}
exec "$0" -c 'import sys, pathlib
from agentdb.embedded.server import start, stop
from agentdb.errors import EmbeddedUnavailable
folder = pathlib.Path(sys.argv[1])
try: start(folder)
except EmbeddedUnavailable as error: print(error)
stop(folder)' "$1/server"
"""

WITHOUT_A_LIBRARY = """
lib=$(dirname "$(ldconfig -p | sed -n 's/.*libgssapi_krb5.so.2 .*=> //p' | head -1)")
mkdir "$1/over"; mount -t tmpfs none "$1/over"; mkdir "$1/over/up" "$1/over/work"
mount -t overlay overlay -o lowerdir="$lib",upperdir="$1/over/up",workdir="$1/over/work" "$lib"
rm "$lib"/libgssapi_krb5.so.2*
"""

ON_A_SMALL_DISK = """
mkdir "$1/server"; mount -t tmpfs -o size={megabytes}m,mode=0711 none "$1/server"
"""


def said_in_private_mounts(parent: Path, mounts: str) -> str:
    """Start a server where only it sees `mounts`; return how it was refused."""
    check = ["unshare", "-m", "true"]
    if os.geteuid() != 0 or subprocess.run(check, check=False).returncode:  # noqa: S603
        pytest.skip("needs the privilege to mount")
    script = IN_PRIVATE_MOUNTS.format(mounts=mounts)
    done = subprocess.run(  # noqa: S603
        ["unshare", "-m", "sh", "-c", script, sys.executable, parent],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "mount:" in done.stderr:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_system_library_that_is_missing(parent: Path) -> None:
    said = said_in_private_mounts(parent, WITHOUT_A_LIBRARY)
    assert "missing (libgssapi_krb5.so.2)" in said
    assert "apt-get install libssl3 libgssapi-krb5-2" in said
    (parent / "over").rmdir()


@pytest.mark.parametrize("megabytes", [20, 60, 110, 112])
def test_a_disk_that_is_full(parent: Path, megabytes: int) -> None:
    said = said_in_private_mounts(parent, ON_A_SMALL_DISK.format(megabytes=megabytes))
    assert "is full: free some space" in said
    assert said.count("\n") == 1
