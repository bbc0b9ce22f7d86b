from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentdb.embedded.server import start, stop
from tests.servers import reachable_folder


@pytest.fixture(scope="package")
def stopped_folder() -> Iterator[Path]:
    """A server that was started once and stopped, to be copied; do not use it in a test."""
    with reachable_folder() as parent:
        folder = parent / "server"
        start(folder)
        stop(folder)
        yield folder


@pytest.fixture(scope="package")
def running(stopped_folder: Path) -> Iterator[Path]:
    """The folder of a server that runs; only for tests that leave it as it is."""
    with reachable_folder() as parent:
        folder = copied(stopped_folder, parent / "server")
        start(folder)
        try:
            yield folder
        finally:
            stop(folder)


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder of this test alone; whatever runs in one of its own folders is stopped."""
    with reachable_folder() as parent:
        yield parent
        for folder in parent.iterdir():
            stop(folder)


@pytest.fixture
def folder(parent: Path, stopped_folder: Path) -> Path:
    """The folder of a server that does not run, with a cluster in it."""
    return copied(stopped_folder, parent / "server")


def copied(folder: Path, to: Path) -> Path:
    """Copy the folder of a stopped server, owners and modes included; the programs are linked."""
    to.mkdir(mode=0o711)
    for part in folder.iterdir():
        how = "-al" if part.name.startswith("pg0-") else "-a"
        subprocess.run(["cp", how, part, to], check=True)  # noqa: S603, S607
    return to
