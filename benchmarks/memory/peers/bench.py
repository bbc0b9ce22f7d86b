"""agentdb and other stores side by side: the same 20,000 rows and queries, each at its defaults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.memory.clocks import Cost
from benchmarks.memory.corpus import FILTERS, K, make_corpus, nearest, recall
from benchmarks.memory.figures import LEAST_RECALL, Figure, figure
from benchmarks.memory.interleaved import TURN
from benchmarks.memory.peers.environment import QUIET, Environment, last_line, provide
from benchmarks.memory.peers.parcel import NO_FILTER, parcel, write_parcel
from benchmarks.memory.peers.stores import OURS, STORES
from benchmarks.memory.tables import new_database
from benchmarks.saying import keep_results, say

ROWS = 20_000
QUERIES = 60
KINDS = ("10 %", "1 %")
DATABASE = "bench_memory_peers"

_ROOT = Path(__file__).parents[3]
_LONGEST = 600  # seconds that a store gets


@dataclass(frozen=True, slots=True)
class Peer:
    """What one store took and gave."""

    name: str
    version: str
    rows_per_second: float
    insert_us: float  # CPU a row, the index included
    asked: Mapping[str, Figure]
    fewest: Mapping[str, int]  # rows that a search gave
    mean_rows: Mapping[str, float]


Answer = Mapping[str, Any]
"""What a store's process wrote down: see `runner.py`."""

Truth = Mapping[str, Sequence[frozenset[int]]]
"""The rows that are nearest, by kind of search and query."""


def run_peers(server: str) -> list[str]:
    """Measure, print, keep the figures; return what agentdb did not keep of its promises."""
    environment = provide()
    corpus = make_corpus(ROWS, QUERIES)
    given = parcel(corpus, {name: FILTERS[name] for name in KINDS})
    truth = {NO_FILTER: nearest(corpus)} | {
        name: nearest(corpus, [each for each in given.asked[name] if each]) for name in KINDS
    }
    peers, failures = [], {}
    with TemporaryDirectory(prefix="agentdb-peers-") as name:
        write_parcel(given, Path(name))
        for store in STORES:
            say(f"asking {store}")
            answer = ask_store(store, environment, Path(name), server)
            if isinstance(answer, str):
                failures[store] = answer
            else:
                peers.append(read_peer(store, answer, truth))
    return _conclude(peers, failures)


def ask_store(name: str, environment: Environment, folder: Path, server: str) -> Answer | str:
    """Return what a store's process wrote down, or why it did not."""
    if name in environment.failures:
        return environment.failures[name]
    python = sys.executable if name == OURS else str(environment.python)
    command = [python, "-m", "benchmarks.memory.peers.runner", name, str(folder)]
    with new_database(server, DATABASE) as url:
        try:
            done = subprocess.run(  # noqa: S603 - our program
                command,
                cwd=_ROOT,
                env=_settings(folder, url),
                capture_output=True,
                text=True,
                timeout=_LONGEST,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return last_line(str(error)).replace(url, "URL")
    if done.returncode:
        return last_line(done.stderr).replace(url, "URL")
    written: Answer = json.loads((folder / f"{name}.json").read_bytes())
    return written


def read_peer(name: str, answer: Answer, truth: Truth) -> Peer:
    """Return the figures of what a store's process wrote down."""
    insert, asked = Cost(**answer["insert"]), answer["asked"]
    return Peer(
        name=name,
        version=answer["version"],
        rows_per_second=ROWS / insert.wall,
        insert_us=insert.cpu / ROWS * 1e6,
        asked={kind: _figure(kind, asked[kind], truth[kind]) for kind in asked},
        fewest={kind: min(map(len, asked[kind]["found"])) for kind in asked},
        mean_rows={kind: fmean(map(len, asked[kind]["found"])) for kind in asked},
    )


def broken_promises(peers: Sequence[Peer]) -> list[str]:
    """Return what agentdb promised and did not keep, beside the others."""
    ours = next((peer for peer in peers if peer.name == OURS), None)
    if ours is None:
        return ["agentdb itself could not be measured beside its peers"]
    checks = {
        f"beside its peers, {kind}: recall {each.recall:.3f}, at least {ours.fewest[kind]} rows": (
            (each.recall or 0) < LEAST_RECALL or ours.fewest[kind] < K
        )
        for kind, each in ours.asked.items()
    }
    return [message for message, broken in checks.items() if broken]


def print_peers(peers: Sequence[Peer], failures: Mapping[str, str]) -> None:
    """Print one line a store, and one for each that could not be asked."""
    kinds = "".join(f" | {kind:<27}" for kind in (NO_FILTER, *KINDS))
    columns = f" | {'rows':>5}{'recall':>7}{'CPU us':>8}{'p50 ms':>7}" * (1 + len(KINDS))
    print(f"\n{f'{ROWS:,} rows, each as it comes':<44}{kinds}")
    print(f"{'':<27}{'kept/s':>8}{'CPU us':>9}{columns}")
    for peer in peers:
        parts = "".join(
            f" | {peer.mean_rows[kind]:>5.1f}{each.recall or 0:>7.3f}"
            f"{each.median_us:>8.0f}{each.p50_ms:>7.1f}"
            for kind, each in peer.asked.items()
        )
        name = f"{peer.name} {peer.version}"
        print(f"{name:<27}{peer.rows_per_second:>8.0f}{peer.insert_us:>9.0f}{parts}")
    for name, reason in failures.items():
        print(f"{name:<27}not measured: {reason}")


def _figure(kind: str, asked: Mapping[str, Any], truth: Sequence[frozenset[int]]) -> Figure:
    rounds = [Cost(**cost) for cost in asked["rounds"]]
    return figure(kind, rounds, TURN, asked["walls"], recall(asked["found"], truth))


def _settings(folder: Path, url: str) -> dict[str, str]:
    """Return an environment in which a store finds a home of its own, and tells nobody anything."""
    home = {"HOME": str(folder), "MEM0_DIR": str(folder / "mem0"), "PYTHONPATH": str(_ROOT)}
    return os.environ | QUIET | home | {"BENCH_URL": url}


def _conclude(peers: Sequence[Peer], failures: Mapping[str, str]) -> list[str]:
    print_peers(peers, failures)
    broken = broken_promises(peers)
    figures = {"peers": [asdict(peer) for peer in peers], "not measured": dict(failures)}
    keep_results("peers", {"rows": ROWS, **figures, "failures": broken})
    return broken
