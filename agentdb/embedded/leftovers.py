"""Processes that outlive a killed server: they keep its memory, and no new one may start."""

from __future__ import annotations

import os
from pathlib import Path

from agentdb.embedded.place import Place
from agentdb.embedded.programs import Runner

# Every process of a server works in its data folder. As the server's user, not as root: in a
# container root may not look into the processes of others.
_END_ALL = """
for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/cwd")" = "$1" ]; then kill -KILL "${process#/proc/}"; fi
done
"""


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, also one that nobody has buried yet (a zombie)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _state(pid) in {"Z", "X"}


def end_leftovers(place: Place, runner: Runner) -> None:
    """Kill what a dead server left behind; without /proc nothing is found, nothing is done."""
    runner.run(["/bin/sh", "-c", _END_ALL, "sh", place.data.resolve()])


def _state(pid: int) -> str:
    """Return the state of a process in one letter, `?` where the system does not tell."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "?"
    return about.rpartition(")")[2].split()[0]
