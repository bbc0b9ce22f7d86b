"""One store, in a process of its own: keep the rows, ask all queries, write down what came.

BENCH_URL=postgresql://… python -m benchmarks.memory.peers.runner NAME FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psycopg

from benchmarks.memory.clocks import Meter
from benchmarks.memory.interleaved import in_turns, measure
from benchmarks.memory.peers.parcel import Parcel, read_parcel
from benchmarks.memory.peers.stores import STORES, Store


def run_store(name: str, folder: Path, url: str) -> None:
    """Measure a store on the parcel in a folder; write `NAME.json` beside it."""
    given = read_parcel(folder)
    with psycopg.connect(url, autocommit=True) as connection:
        meter = Meter(connection)
        store = STORES[name](folder, url)
        insert = meter.cost(partial(store.insert, given))
        connection.execute("VACUUM (ANALYZE)")  # as autovacuum, switched off here, soon would
        written = {
            "version": version(name),
            "insert": asdict(insert),
            "asked": {kind: _ask(store, meter, given, kind) for kind in given.asked},
        }
    (folder / f"{name}.json").write_text(json.dumps(written), encoding="utf-8")


def _ask(store: Store, meter: Meter, given: Parcel, kind: str) -> dict[str, object]:
    """Ask all queries once to warm up; of the second time keep answers and costs."""
    found: dict[int, list[int]] = {}

    def search(number: int) -> None:
        found[number] = store.search(given.queries[number], given.asked[kind][number])

    calls = range(len(given.queries))
    for number in calls:
        search(number)
    taken = measure(meter, {kind: search}, in_turns(len(calls)))[kind]
    return {
        "found": [found[number] for number in calls],
        "rounds": [asdict(cost) for cost in taken.rounds],
        "walls": taken.walls,
    }


if __name__ == "__main__":
    run_store(sys.argv[1], Path(sys.argv[2]), os.environ["BENCH_URL"])
