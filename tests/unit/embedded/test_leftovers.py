from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentdb.embedded.account import Account
from agentdb.embedded.leftovers import end_leftovers, is_gone
from agentdb.embedded.place import Place
from agentdb.embedded.programs import Runner
from tests.servers import effective_user

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def test_a_living_process_is_not_gone() -> None:
    assert not is_gone(os.getpid())
    assert not is_gone(1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_process_of_another_user_is_not_gone() -> None:
    with effective_user(65534):
        assert not is_gone(1)


def test_a_buried_process_is_gone() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    assert is_gone(process.pid)


@linux
def test_a_zombie_is_gone() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        deadline = time.monotonic() + 10
        while not is_gone(process.pid):
            assert time.monotonic() < deadline
        assert process.returncode is None


@linux
def test_only_what_works_in_the_data_folder_is_ended(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.data.mkdir()
    sleep = ["/bin/sleep", "60"]
    with (
        subprocess.Popen(sleep, cwd=place.data) as inside,  # noqa: S603
        subprocess.Popen(sleep, cwd=tmp_path) as outside,  # noqa: S603
    ):
        end_leftovers(place, Runner(Account("me", os.geteuid(), os.getegid()), tmp_path))
        assert inside.wait(timeout=10) == -9
        assert outside.poll() is None
        outside.kill()
