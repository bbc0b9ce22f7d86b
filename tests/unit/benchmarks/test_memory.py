"""What the memory part asks, how its figures are made, and when a promise counts as broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.memory.clocks import Cost, Meter
from benchmarks.memory.corpus import (
    FILTERS,
    TOPICS,
    K,
    conditions,
    make_corpus,
    nearest,
    recall,
)
from benchmarks.memory.figures import (
    Figure,
    Filtered,
    Results,
    broken_promises,
    figure,
    percentile,
)
from benchmarks.memory.interleaved import measure
from benchmarks.memory.report import print_report
from benchmarks.saying import keep_results

CORPUS = make_corpus(rows=3_000, queries=8)


def one(name: str, *, cpu: float = 100.0, speed: float = 1_000.0) -> Figure:
    return Figure(name, 10, 1.0, cpu, cpu, cpu / 2, 1.0, 2.0, speed)


def searches(*, function: float, repository: float) -> tuple[Figure, ...]:
    ours = (one("function", cpu=function), one("repository", cpu=repository))
    return (one("raw, ids alone", cpu=90), one("raw"), *ours, one("SQLAlchemy ORM", cpu=900))


KEPT = Results(
    searches=searches(function=110, repository=135),
    ef_search=80,
    ingestion=(one("binary COPY"), one("add_many", speed=600), one("SQLAlchemy ORM", speed=90)),
    filtered=(Filtered("1 %", K, 0.99, 900.0, 1.0, 2.0, {"exact": 8}, 0.2, 0.02),),
    hybrid=one("hybrid"),
)


class Free(Meter):
    """A meter that needs no server; all costs nothing."""

    def __init__(self) -> None:
        self.sees_server = False

    def cost(self, work: Callable[[], object]) -> Cost:
        work()
        return Cost(0, 0, 0)


def _note(done: list[str], name: str, _: int) -> None:
    done.append(name)


def with_filtered(rows: int, share: float) -> Results:
    return replace(KEPT, filtered=(replace(KEPT.filtered[0], rows=rows, recall=share),))


def test_the_same_size_gives_the_same_rows_and_queries() -> None:
    again = make_corpus(rows=3_000, queries=8)
    assert np.array_equal(again.vectors, CORPUS.vectors)
    assert np.array_equal(again.queries, CORPUS.queries)
    assert (again.texts, again.questions) == (CORPUS.texts, CORPUS.questions)


def test_vectors_have_length_1_and_no_query_is_a_row() -> None:
    assert np.allclose(np.linalg.norm(CORPUS.vectors, axis=1), 1, atol=1e-5)
    assert (CORPUS.queries @ CORPUS.vectors.T).max() < 0.95


def test_no_two_texts_are_the_same() -> None:
    assert len(set(CORPUS.texts)) == 3_000


def test_texts_of_one_topic_share_words_that_others_have_not() -> None:
    first = set(CORPUS.texts[0].split())
    shared: dict[bool, list[int]] = {True: [], False: []}
    for text, facts in zip(CORPUS.texts[1:], CORPUS.metadata[1:], strict=True):
        same = facts["topic"] == CORPUS.metadata[0]["topic"]
        shared[same].append(len(first.intersection(text.split())))
    assert np.mean(shared[True]) > 2 * np.mean(shared[False])


@pytest.mark.parametrize(("name", "rows"), [("50 %", 1_500), ("10 %", 300), ("1 %", 30)])
def test_a_filter_leaves_its_share_of_the_rows(name: str, rows: int) -> None:
    for wanted in conditions(CORPUS, FILTERS[name]):
        assert sum(wanted.items() <= facts.items() for facts in CORPUS.metadata) == rows


def test_a_filter_by_topic_means_rows_far_from_the_query() -> None:
    for wanted, topic in zip(conditions(CORPUS, "topic"), CORPUS.query_topics, strict=True):
        assert wanted["topic"] == (topic + TOPICS // 2) % TOPICS


def test_the_truth_is_what_sorting_all_rows_gives() -> None:
    ordered = np.argsort(-(CORPUS.queries @ CORPUS.vectors.T), axis=1)
    assert nearest(CORPUS) == [frozenset(row[:K].tolist()) for row in ordered]


def test_the_truth_of_a_filter_holds_only_what_meets_it() -> None:
    wanted = conditions(CORPUS, "hundredth")
    for true, condition in zip(nearest(CORPUS, wanted), wanted, strict=True):
        assert len(true) == K
        assert all(condition.items() <= CORPUS.metadata[number].items() for number in true)


def test_where_fewer_rows_than_asked_for_meet_a_filter_all_of_them_are_the_truth() -> None:
    (true,) = nearest(CORPUS.first(1), conditions(CORPUS.first(1), "thousandth"))
    assert len(true) == 3


def test_recall_is_the_mean_share_of_the_truth_that_was_found() -> None:
    truth = [frozenset({1, 2, 3, 4}), frozenset({5})]
    assert recall([[1, 2, 9, 8], [5]], truth) == 0.75
    assert recall([[], []], truth) == 0.0


def test_a_figure_is_of_one_call_with_medians_over_the_rounds() -> None:
    rounds = [Cost(1.0, 0.2, 0.1), Cost(2.0, 0.4, 0.1), Cost(9.0, 1.5, 0.4)]
    got = figure("search", rounds, 100, [0.01, 0.02, 0.09])
    assert (got.calls, got.calls_per_second, got.p50_ms) == (300, 50.0, 20.0)
    assert got.median_us == pytest.approx(4_000)
    assert got.total_us == pytest.approx(7_000)
    assert got.client_us == pytest.approx(2_000)


def test_ways_take_turns_and_each_is_first_once() -> None:
    done: list[str] = []
    ways = {name: partial(_note, done, name) for name in ("a", "b", "c")}
    taken = measure(Free(), ways, [range(2)] * 3)
    assert done == list("aabbccbbccaaccaabb")
    assert [len(taken["b"].rounds), len(taken["b"].walls)] == [3, 6]


def test_a_ratio_compares_the_cpu_of_two_ways() -> None:
    assert one("repository", cpu=135).ratio(one("raw", cpu=100)) == pytest.approx(1.35)
    assert one("add_many", speed=300).speed(one("COPY", speed=1_000)) == pytest.approx(0.3)


def test_the_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 95) == 7.0


def test_kept_promises_are_not_mentioned() -> None:
    assert broken_promises(KEPT) == []


@pytest.mark.parametrize(
    ("results", "line"),
    [
        (
            replace(KEPT, searches=searches(function=110, repository=136)),
            "a search by the repository takes 1.36 x raw CPU, above 1.35",
        ),
        (
            replace(KEPT, searches=searches(function=140, repository=100)),
            "a search by the function takes 1.40 x raw CPU, above 1.35",
        ),
        (
            replace(KEPT, ingestion=(one("binary COPY"), one("add_many", speed=590))),
            "add_many keeps 0.59 x the rows a second of COPY, below 0.6",
        ),
        (with_filtered(9, 1.0), "a search with the filter 1 % gives 9 rows, not 10"),
        (with_filtered(K, 0.989), "recall with the filter 1 % is 0.989, below 0.99"),
    ],
)
def test_each_promise_that_is_broken_has_a_line(results: Results, line: str) -> None:
    assert broken_promises(results) == [line]


def test_the_report_names_every_way_and_every_filter(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(KEPT)
    printed = capsys.readouterr().out
    for each in (*KEPT.searches, *KEPT.ingestion):
        assert f"\n{each.name} " in printed
    assert "\n1 % " in printed
    assert "hybrid search" in printed


def test_one_part_leaves_the_figures_of_the_other_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    keep_results("memory", {"rows": 1}, file)
    keep_results("peers", {"rows": 2}, file)
    keep_results("memory", {"rows": 3}, file)
    kept = json.loads(file.read_text())
    assert (kept["memory"]["rows"], kept["peers"]["rows"]) == (3, 2)
