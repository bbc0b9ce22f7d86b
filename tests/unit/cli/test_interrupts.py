"""A signal is heard wherever it falls."""

from __future__ import annotations

import subprocess
import sys

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


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_is_heard_within_a_callback(name: str) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FALLS.format(name=name)],
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("went on\nheard\n", "")


def test_another_failure_there_is_told() -> None:
    failing = FALLS.format(name="SIGINT").replace("signal.raise_signal(signal.SIGINT)", "1 / 0")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", failing.replace("sleep(30)", "sleep(0)")],
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=False,
    )
    assert (done.stdout, "ZeroDivisionError" in done.stderr) == ("went on\n", True)
