"""What the other stores are given, what is read of their answers, and how failures are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.memory.corpus import FILTERS, K, make_corpus
from benchmarks.memory.interleaved import TURN
from benchmarks.memory.peers.bench import Peer, broken_promises, print_peers, read_peer
from benchmarks.memory.peers.environment import install, last_line, name_of, read_requirements
from benchmarks.memory.peers.parcel import NO_FILTER, parcel, read_parcel, write_parcel
from benchmarks.memory.peers.stores import OURS, STORES

COST = {"wall": 2.0, "cpu": 1.0, "client": 0.5}
TRUTH = {NO_FILTER: [frozenset(range(K))] * 2, "1 %": [frozenset(range(K))] * 2}


def answer(found: list[int]) -> dict[str, Any]:
    """What a store's process writes that has found this with its filter, for one of two queries."""
    all_found = {NO_FILTER: [list(range(K))] * 2, "1 %": [found, list(range(K))]}
    return {
        "version": "1.0",
        "insert": COST,
        "asked": {
            kind: {"found": rows, "rounds": [COST], "walls": [0.001, 0.003]}
            for kind, rows in all_found.items()
        },
    }


def store(name: str, found: list[int]) -> Peer:
    return read_peer(name, answer(found), TRUTH)


def test_what_is_read_of_a_parcel_is_what_was_put_into_it(tmp_path: Path) -> None:
    given = parcel(make_corpus(50, 3), {"10 %": FILTERS["10 %"]})
    write_parcel(given, tmp_path)
    read = read_parcel(tmp_path)
    assert np.array_equal(read.vectors, given.vectors)
    assert np.array_equal(read.queries, given.queries)
    assert read.texts == list(given.texts)
    assert read.metadata == list(given.metadata)
    assert read.asked[NO_FILTER] == [None] * 3
    assert read.asked["10 %"] == list(given.asked["10 %"])


def test_every_store_but_ours_is_pinned() -> None:
    pinned = {name_of(line) for line in read_requirements() if "==" in line}
    assert set(STORES) - {OURS} <= pinned


def test_the_figures_of_a_store_are_those_of_its_answer() -> None:
    read = store("other", [0, 1])
    assert read.mean_rows["1 %"] == 6
    assert read.fewest["1 %"] == 2
    assert read.asked["1 %"].recall == pytest.approx(0.6)
    assert read.asked[NO_FILTER].recall == 1.0
    assert read.asked["1 %"].p50_ms == pytest.approx(2.0)
    assert read.asked["1 %"].median_us == pytest.approx(1e6 / TURN)


def test_another_store_may_find_too_little_and_ours_may_not() -> None:
    whole = list(range(K))
    assert broken_promises([store(OURS, whole), store("other", [0])]) == []
    assert broken_promises([store(OURS, [0]), store("other", whole)]) == [
        "beside its peers, 1 %: recall 0.550, at least 1 rows"
    ]


def test_a_run_without_ours_breaks_the_promise() -> None:
    assert broken_promises([store("other", [0])]) == [
        "agentdb itself could not be measured beside its peers"
    ]


def test_a_store_that_failed_is_named_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    print_peers([store(OURS, [0]), store("other", [0])], {"third": "No matching distribution"})
    printed = capsys.readouterr().out
    assert "other 1.0" in printed
    assert "third" in printed
    assert "not measured: No matching distribution" in printed


def test_what_cannot_be_installed_is_named_and_the_others_are(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\ncase "$*" in *bad*) echo "ERROR: there is no bad"; exit 1;; esac\n'
    )
    python.chmod(0o755)
    assert install(python, ["good==1", "bad==2", "better==3"]) == {"bad": "ERROR: there is no bad"}
    assert install(python, ["good==1", "better==3"]) == {}


def test_where_nothing_can_be_installed_each_is_named(tmp_path: Path) -> None:
    failures = install(tmp_path / "python", ["good==1", "better==3"])
    assert set(failures) == {"good", "better"}
    assert "No such file" in failures["good"]


def test_the_reason_of_a_failure_is_what_a_program_said_last() -> None:
    assert last_line("Collecting x\nERROR: none found for x\n\n") == "ERROR: none found for x"
    assert last_line("") == "it said nothing"
