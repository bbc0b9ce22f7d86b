"""What work costs: wall time, and the CPU time of this process and of the server's.

The CPU time of a server process is what Linux counts in `/proc/PID/schedstat`. It does not grow
while others keep the machine busy, as wall time does. Where it cannot be read (another system, a
server on another machine or in a container), wall time stands in for it, and the report says so.

Nothing but psycopg is needed here: the peers' environment has no agentdb.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

_BACKENDS = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_PROC = Path("/proc")
_REST = 0.002  # seconds that a server process gets to fall asleep: then Linux has counted it


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took, in seconds; CPU is that of client and server together."""

    wall: float
    cpu: float
    client: float  # the client's part of `cpu`

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, self.client + other.client)


class Meter:
    """Tells what work costs; the work's own connections are in this connection's database."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        pid = connection.info.backend_pid
        self.sees_server = _seconds(pid) is not None and "postgres" in _name(pid)

    @property
    def words(self) -> str:
        """What its CPU time is, in words."""
        seen = "process time of the client plus /proc/PID/schedstat of the server's processes"
        return seen if self.sees_server else "not to be read here: wall time stands in for it"

    def cost(self, work: Callable[[], object]) -> Cost:
        """Do the work; return what it took."""
        before = self._server()
        wall, client = time.perf_counter(), time.process_time()
        work()
        client, wall = time.process_time() - client, time.perf_counter() - wall
        if not self.sees_server:
            return Cost(wall, wall, client)
        time.sleep(_REST)
        after = self._server()
        server = sum(seconds - before.get(pid, 0) for pid, seconds in after.items())
        return Cost(wall, client + server, client)

    def _server(self) -> dict[int, float]:
        """Return the CPU seconds of each server process that works for somebody else."""
        if not self.sees_server:
            return {}
        pids = [row[0] for row in self._connection.execute(_BACKENDS)]
        return {pid: seconds for pid in pids if (seconds := _seconds(pid)) is not None}


def _seconds(pid: int) -> float | None:
    try:
        spent = (_PROC / str(pid) / "schedstat").read_text(encoding="ascii")
    except OSError:
        return None
    return int(spent.split()[0]) / 1e9


def _name(pid: int) -> str:
    return (_PROC / str(pid) / "comm").read_text(encoding="utf-8")
