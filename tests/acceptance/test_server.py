"""`agentdb server`, as a person or a script runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import reachable_folder, value


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with reachable_folder() as parent:
        yield parent / "server"
        server(parent / "server", "stop")


def server(
    folder: Path | str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "agentdb", "server", *arguments],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "AGENTDB_DATA_DIR": str(folder), "COLUMNS": "200", **environment},
        timeout=90,
    )


def found(folder: Path, *arguments: str) -> dict[str, object]:
    """What a command prints as JSON, on stdout alone."""
    done = server(folder, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_server_is_started_asked_and_stopped(folder: Path) -> None:
    assert found(folder, "stop")["running"] is False
    started = found(folder, "start")
    assert (started["running"], started["folder"]) == (True, str(folder))
    assert found(folder, "start")["pid"] == started["pid"]
    assert found(folder, "status")["pid"] == started["pid"]
    address = server(folder, "url").stdout.strip()
    assert value(address, "SELECT 1") == 1
    assert found(folder, "url") == {"url": address}
    assert found(folder, "stop")["running"] is False


def test_a_table_for_people_shows_no_password(folder: Path) -> None:
    shown = server(folder, "start")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "running" in shown.stdout
    assert (folder / "password").read_text(encoding="ascii") not in shown.stdout


def test_the_url_of_a_stopped_server_is_one_line_of_help(folder: Path) -> None:
    server(folder, "stop")
    refused = server(folder, "url")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1
    assert "agentdb server start" in refused.stderr


def test_a_folder_given_by_a_flag_wins(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert found(folder, "status", "--data-dir", str(other))["folder"] == str(other)
    assert not other.exists()


def test_without_a_folder_the_users_own_is_taken() -> None:
    with reachable_folder() as home:
        shown = server("", "status", "--format", "json", XDG_DATA_HOME=str(home))
        assert json.loads(shown.stdout)["folder"] == str(home / "agentdb" / "server")
        assert list(home.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_root_with_a_closed_home_takes_the_systems_folder() -> None:
    with reachable_folder() as home:
        home.chmod(0o700)
        shown = server("", "status", "--format", "json", XDG_DATA_HOME=str(home))
        assert json.loads(shown.stdout)["folder"] == "/var/lib/agentdb/server"


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_that_is_none_is_wrong_usage(folder: Path, port: str) -> None:
    assert server(folder, "start", "--port", port).returncode == 2
