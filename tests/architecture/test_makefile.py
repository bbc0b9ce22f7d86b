"""The commands of the Makefile are there: a module without an entry does nothing, and exits 0."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
MAKE = shutil.which("make")
BARE = {"PATH": os.environ["PATH"]}  # without what a make around the tests hands down


def command_of(target: str, venv: Path) -> list[str]:
    """What `make TARGET ARGS=--help` runs in the end, by this interpreter."""
    assert MAKE is not None
    printed = subprocess.check_output(  # noqa: S603
        [MAKE, "--dry-run", target, "ARGS=--help", f"VENV={venv}"],
        cwd=CHECKOUT,
        env=BARE,
        encoding="utf-8",
    )
    (command,) = [line for line in printed.splitlines() if line.startswith(f"{venv}/bin/python ")]
    return [sys.executable, *shlex.split(command)[1:]]


@pytest.mark.skipif(MAKE is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("target", "option"), [("bench", "--variants"), ("bench", "peers"), ("demo", "--format")]
)
def test_what_a_target_runs_answers(target: str, option: str, tmp_path: Path) -> None:
    answer = subprocess.check_output(  # noqa: S603
        command_of(target, tmp_path), cwd=CHECKOUT, env=BARE, encoding="utf-8"
    )
    assert "usage:" in answer.lower()
    assert option in answer
