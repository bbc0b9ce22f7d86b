"""A signal is heard wherever it falls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FALLS = """
import signal, time, weakref
from agentdb.cli.interrupts import heed_interrupts

class Held: pass

heed_interrupts()
held = Held()
watched = weakref.ref(held, lambda _: signal.raise_signal(signal.{name}))
try:
    del held  # the callback runs here, and what it raises goes no further
    print("went on")
    time.sleep(30)
except KeyboardInterrupt:
    print("heard")
"""

MET = """
import sys, typer
from agentdb.cli.app import run

commands = typer.Typer()

@commands.command()
def made() -> None:
    exec("raise KeyboardInterrupt")

sys.exit(run(commands, []))
"""


def ended(*program: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(  # noqa: S603
        [sys.executable, *program],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_is_heard_within_a_callback(name: str) -> None:
    done = ended("-c", FALLS.format(name=name))
    assert (done.stdout, done.stderr) == ("went on\nheard\n", "")


def test_the_exit_code_is_ours_where_it_fell_into_text_that_is_run(tmp_path: Path) -> None:
    (tmp_path / "met.py").write_text(MET)
    done = ended("-m", "met", folder=tmp_path)
    assert (done.returncode, done.stderr) == (130, "agentdb: interrupted\n")


def test_another_failure_there_is_told() -> None:
    failing = FALLS.format(name="SIGINT").replace("signal.raise_signal(signal.SIGINT)", "1 / 0")
    done = ended("-c", failing.replace("sleep(30)", "sleep(0)"))
    assert (done.stdout, "ZeroDivisionError" in done.stderr) == ("went on\n", True)
