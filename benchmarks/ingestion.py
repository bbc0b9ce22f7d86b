"""How near `add_many` comes to a raw binary COPY: `python -m benchmarks.ingestion --rows 20000`.

Both keep the same rows with vectors in the same table with the same indexes, in turns. The copy
has the hash of each text before the clock starts. CPU is that of this process and of its server
process together (read from /proc, so on Linux). On a busy machine wall time favours the copy, which
keeps both processes at work at once.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from agentdb.database import make_engine, upgrade
from agentdb.embedded.server import start, stop
from agentdb.embedding.embedder import DIMENSION, unit
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import NewMemory

COPY = (
    "COPY agentdb.entries (tenant, kind, subject, content, content_hash, metadata, embedding) "
    "FROM STDIN (FORMAT BINARY)"
)
TYPES = ["text", "text", "text", "text", "bytea", "jsonb", "halfvec"]
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB"}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What keeping all rows took."""

    wall_seconds: float
    client_seconds: float
    server_seconds: float

    @property
    def cpu_seconds(self) -> float:
        """Both processes together."""
        return self.client_seconds + self.server_seconds


def rows_of(count: int) -> list[NewMemory]:
    """Return memories of some 70 characters, in clusters, with two numbers of metadata."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(200, DIMENSION))
    near = centres[np.arange(count) % 200] + 0.9 * rng.normal(size=(count, DIMENSION))
    vectors = unit(near.astype(np.float32))
    words = rng.integers(0, 5000, size=(count, 12))
    return [
        NewMemory(
            f"row {n} " + " ".join(f"w{word}" for word in words[n]),
            subject=f"s{n % 100}",
            metadata={"n": n, "group": n % 7},
            vector=vectors[n],
        )
        for n in range(count)
    ]


def copied(url: str, rows: Sequence[NewMemory]) -> Cost:
    """Keep rows with nothing but psycopg."""
    ready = [(row, sha256(row.content.encode()).digest()) for row in rows]
    with psycopg.connect(url) as connection:
        register_vector(connection)
        begin = _now()
        with connection.cursor().copy(COPY) as copy:
            copy.set_types(TYPES)
            for row, digest in ready:
                whole = (row.content, digest, Jsonb(row.metadata), HalfVector(row.vector))  # type: ignore[arg-type]
                copy.write_row(("t", "fact", row.subject, *whole))
        connection.commit()
        return _cost(begin, connection.info.backend_pid)


def kept(url: str, rows: Sequence[NewMemory], *, light: bool) -> Cost:
    """Keep rows through the repository; `light` asks for no more than their number."""
    engine = make_engine(url)
    with Session(engine) as session:
        pid = session.scalar(text("SELECT pg_backend_pid()")) or 0
        memories = MemoryRepository(session, tenant="t")
        begin = _now()
        (memories.load if light else memories.add_many)(rows)
        session.commit()
        cost = _cost(begin, pid)
    engine.dispose()
    return cost


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _cost(begin: tuple[float, float], pid: int) -> Cost:
    wall, client = (now - then for now, then in zip(_now(), begin, strict=True))
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return Cost(wall, client, (int(fields[11]) + int(fields[12])) / _TICKS)


def main() -> None:
    """Measure in turns, and print medians."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--rows", type=int, default=20_000)
    arguments.add_argument("--turns", type=int, default=5)
    given = arguments.parse_args()
    rows = rows_of(given.rows)
    ways: dict[str, Callable[[str], Cost]] = {
        "binary COPY": lambda url: copied(url, rows),
        "add_many": lambda url: kept(url, rows, light=False),
        "load": lambda url: kept(url, rows, light=True),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    with TemporaryDirectory(prefix="agentdb-bench-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        url = start(Path(folder) / "server", settings=SETTINGS)
        try:
            for _ in range(given.turns):
                for name, way in ways.items():
                    _emptied(url)
                    costs[name].append(way(url))
        finally:
            stop(Path(folder) / "server")
    _print(costs, given.rows)


def _emptied(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS agentdb CASCADE")
    upgrade(url)


def _print(costs: dict[str, list[Cost]], rows: int) -> None:
    print(f"{rows:,} rows x {DIMENSION}; medians; ratios are of rows a second to binary COPY's")
    base = costs["binary COPY"]
    for name, each in costs.items():
        wall, cpu = (
            median(getattr(cost, what) for cost in each) for what in ("wall_seconds", "cpu_seconds")
        )
        ratios = (
            median(getattr(cost, what) for cost in base)
            / median(getattr(cost, what) for cost in each)
            for what in ("wall_seconds", "cpu_seconds")
        )
        by_wall, by_cpu = ratios
        print(
            f"{name:12} {rows / wall:8,.0f} rows/s  ratio {by_wall:.2f}   "
            f"{rows / cpu:8,.0f} rows/cpu-s  ratio {by_cpu:.2f}"
        )


if __name__ == "__main__":
    main()
