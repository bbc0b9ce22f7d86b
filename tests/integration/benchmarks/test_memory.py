"""The memory part on a real server, small: every way finds what there is, and costs something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.memory.bench import Size, measure_memory
from benchmarks.memory.clocks import Meter
from benchmarks.memory.corpus import FILTERS, K, make_corpus, nearest, recall
from benchmarks.memory.figures import Results
from benchmarks.memory.peers.bench import ask_store
from benchmarks.memory.peers.environment import Environment
from benchmarks.memory.peers.parcel import parcel, write_parcel
from benchmarks.memory.peers.stores import OURS
from benchmarks.memory.tables import new_database, open_connection

CHECKOUT = Path(__file__).parents[3]
TINY = Size(rows=3_000, queries=20, search_rounds=2, filtered_queries=20, batch=300, batches=2)


@pytest.fixture(scope="module")
def results(server: str) -> Results:
    return measure_memory(server, TINY)[0]


def test_every_way_of_searching_finds_the_nearest_rows(results: Results) -> None:
    shares = {each.name: each.recall for each in results.searches}
    assert set(shares) >= {"raw", "raw, ids alone", "function", "repository", "SQLAlchemy ORM"}
    assert all(share is not None and share > 0.95 for share in shares.values()), shares


def test_every_way_costs_client_and_server_something(results: Results) -> None:
    for each in (*results.searches, *results.ingestion, results.hybrid):
        assert 0 < each.client_us < each.total_us, each.name


def test_a_filtered_search_finds_all_there_is(results: Results) -> None:
    by_filter = {each.filter: each for each in results.filtered}
    assert by_filter["10 %"].rows == K
    assert by_filter["0.1 %"].rows == 3
    assert all(each.recall >= 0.99 for each in results.filtered)


def test_work_of_the_server_is_counted_apart_from_the_clients(database_url: str) -> None:
    with open_connection(database_url) as watching, open_connection(database_url) as working:
        meter = Meter(watching)
        cost = meter.cost(lambda: working.execute("SELECT sum(n) FROM generate_series(1, 1e6) n"))
    assert meter.sees_server
    assert cost.cpu - cost.client > 0.02
    assert cost.client < cost.cpu / 2


def test_a_store_writes_down_what_it_found(server: str, tmp_path: Path) -> None:
    corpus = make_corpus(1_000, 20)
    write_parcel(parcel(corpus, {"10 %": FILTERS["10 %"]}), tmp_path)
    with new_database(server, "bench_memory_store") as url:
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "benchmarks.memory.peers.runner", OURS, str(tmp_path)],
            cwd=CHECKOUT,
            env=os.environ | {"BENCH_URL": url},
            check=True,
        )
    written = json.loads((tmp_path / f"{OURS}.json").read_text())
    assert recall(written["asked"]["no filter"]["found"], nearest(corpus)) > 0.95
    assert {len(rows) for rows in written["asked"]["10 %"]["found"]} == {K}
    assert written["insert"]["cpu"] > 0


def test_a_store_that_is_not_there_is_a_reason_and_no_end(server: str, tmp_path: Path) -> None:
    write_parcel(parcel(make_corpus(10, 2), {}), tmp_path)
    here = Environment(Path(sys.executable), {"lancedb": "there is no wheel"})
    assert ask_store("lancedb", here, tmp_path, server) == "there is no wheel"
    nowhere = Environment(tmp_path / "python", {})
    assert "No such file" in str(ask_store("chromadb", nowhere, tmp_path, server))
    broken = tmp_path / "broken"
    broken.write_text('#!/bin/sh\necho "cannot reach $BENCH_URL" >&2; exit 1\n')
    broken.chmod(0o755)
    assert ask_store("chromadb", Environment(broken, {}), tmp_path, server) == "cannot reach URL"
