"""Is advice as sure as it says, and what does learning from outcomes do to that?

python -m benchmarks.calibration [--databases 24] [--seed 0]

Random databases are audited, their advice is followed, and their future is run with and without
it. Businesses from seed 1000 on are for judging: nothing is to be tuned on them.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from agentdb.embedded.server import start, stop
from benchmarks.calibration.following import Followed, follow
from benchmarks.calibration.learning import judge, judge_taught
from benchmarks.calibration.report import (
    RESULTS,
    keep,
    print_followed,
    print_scores,
    read_followed,
)
from benchmarks.calibration.workload import make_business
from benchmarks.saying import say

# Nothing wakes up in the middle, and what is written is not missed.
SETTINGS = {
    "shared_buffers": "512MB",
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
}


def main() -> int:
    """Follow, judge, print, keep `calibration_results.json`."""
    options = _parse()
    seeds = range(options.seed, options.seed + options.databases)
    name = f"seeds {seeds[0]} to {seeds[-1]}"
    if not options.again:
        with _server() as server:
            followed = [each for seed in seeds for each in _follow(server, seed)]
        keep(name, followed, {}, RESULTS)
    _judge(name, options.seed)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--databases", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0, help="of the first database")
    parser.add_argument(
        "--again", action="store_true", help="judge a run that is kept, after learning changed"
    )
    return parser.parse_args()


def _follow(server: str, seed: int) -> tuple[Followed, ...]:
    followed = follow(server, make_business(seed))
    worth = sum(each.lesson.was_worth_it for each in followed)
    say(f"database {seed}: {worth} of {len(followed)} pieces of advice were worth it")
    return followed


def _judge(name: str, seed: int) -> None:
    """Print and keep what halves teach each other, and what the other runs teach."""
    followed, taught = read_followed(RESULTS, name)
    print_followed(followed)
    scores = {"halves": judge(followed, seed)}
    print_scores("Learnt on one half of the databases, told on the other", scores["halves"])
    if taught:
        scores["other runs"] = judge_taught(taught, followed, seed)
        title = f"Learnt from {len(taught)} pieces of advice of other runs"
        print_scores(title, scores["other runs"])
    keep(name, followed, scores, RESULTS)


@contextmanager
def _server() -> Iterator[str]:
    """Give the URL of an embedded server for this run alone."""
    with TemporaryDirectory(prefix="agentdb-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the server runs as somebody else, who has to get in
        try:
            yield start(folder, settings=SETTINGS)
        finally:
            stop(folder)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server stays behind
    sys.exit(main())
