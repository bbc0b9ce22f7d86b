"""What is agentdb worth? Its advice, its memory, and other stores beside it; `make bench`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from agentdb.embedded.server import start, stop
from benchmarks.advice import ALL, run_advice
from benchmarks.memory.bench import run_memory
from benchmarks.memory.peers.bench import run_peers

# What is measured fits into the cache, and nothing wakes up in the middle.
SETTINGS = {"shared_buffers": "768MB", "autovacuum": "off", "max_wal_size": "8GB"}


def main() -> int:
    """Run the parts that were asked for; return 1 when one of them did not keep its word."""
    options = _parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server stays behind
    parts: Mapping[str, Callable[[str], list[str]]] = {
        "advice": lambda server: run_advice(server, options.variants.split(","), options.rounds),
        "memory": run_memory,
        "peers": run_peers,
    }
    names = list(parts) if options.part == "all" else [options.part]
    with _server(options.url) as server:
        broken = [message for name in names for message in parts[name](server)]
    for message in broken:
        print(f"FAILED: {message}")
    return 1 if broken else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "part", nargs="?", default="all", choices=("all", "advice", "memory", "peers")
    )
    parser.add_argument(
        "--variants", default=",".join(ALL), help="of the advice, some of: " + ", ".join(ALL)
    )
    parser.add_argument(
        "--rounds", type=int, default=21, help="of the advice: executions the medians are of"
    )
    parser.add_argument("--url", help="a superuser's URL of a server (default: the embedded one)")
    return parser.parse_args()


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """Give the URL of a server: the one named, or an embedded one for this run alone."""
    if url:
        yield url
        return
    with TemporaryDirectory(prefix="agentdb-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the server runs as somebody else, who has to get in
        try:
            yield start(folder, settings=SETTINGS)
        finally:
            stop(folder)
