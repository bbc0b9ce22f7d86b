from __future__ import annotations

from dataclasses import replace
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdb.evaluation.gold import GoldQuestion
from agentdb.evaluation.scores import METRICS, Outcome, measure, names, outcome

ids = st.sampled_from("abcdefgh")
rankings = st.lists(ids, max_size=12)
expectations = st.sets(ids, min_size=1).map(sorted)
depths = st.integers(1, 12)


def wants(*expected: str) -> GoldQuestion:
    return GoldQuestion(question="Where?", expected=expected)


def scores(returned: list[str], expected: list[str], *ks: int) -> dict[str, float]:
    found = outcome(wants(*expected), returned, max(ks))
    return dict(zip(names(ks), measure([found], ks)[0].tolist(), strict=True))


def test_the_metrics_are_what_they_are_by_hand() -> None:
    by_hand = {
        "recall@2": 1 / 3,
        "recall_any@2": 1,
        "recall_all@2": 0,
        "ndcg@2": (1 / log2(3)) / (1 / log2(2) + 1 / log2(3)),
        "mrr@2": 1 / 2,
        "recall@4": 2 / 3,
        "recall_any@4": 1,
        "recall_all@4": 0,
        "ndcg@4": (1 / log2(3) + 1 / log2(5)) / (1 / log2(2) + 1 / log2(3) + 1 / log2(4)),
        "mrr@4": 1 / 2,
    }
    assert scores(["x", "a", "y", "b", "c"], ["a", "b", "c"], 2, 4) == pytest.approx(by_hand)


def test_all_of_the_evidence_is_found_only_with_the_last_of_it() -> None:
    found = scores(["a", "x", "b"], ["a", "b"], 2, 3)
    assert (found["recall_all@2"], found["recall_all@3"]) == (0, 1)


def test_what_is_beyond_k_is_not_looked_at() -> None:
    assert outcome(wants("a"), ["x", "y", "a"], 2) == outcome(wants("a"), ["x", "y"], 2)
    assert set(scores(["x", "y", "a"], ["a"], 2).values()) == {0}


def test_an_answer_may_be_shorter_than_k() -> None:
    assert set(scores(["a"], ["a"], 10).values()) == {1}


def test_an_id_that_comes_again_takes_a_place_and_counts_once() -> None:
    found = outcome(wants("a", "b"), ["a", "a", "b"], 3)
    assert found.ranks == (1, 3)
    assert found.returned == 3


def test_evidence_that_does_not_resolve_counts_as_not_found() -> None:
    question = replace(wants("a", "D"), unresolved=("D",))
    found = outcome(question, ["a"], 5)
    assert (found.wanted, found.unresolved) == (2, 1)
    assert measure([found], [5])[0][0] == 0.5


def test_an_outcome_names_its_question_without_its_text() -> None:
    asked = replace(wants("a"), question="Where is the spare key?", group="house")
    others = [replace(asked, group="car"), replace(asked, expected=("b",)), wants("a")]
    keys = {outcome(question, [], 1).key for question in [asked, *others]}
    assert len(keys) == 4
    assert outcome(asked, ["a"], 5).key == outcome(asked, [], 1).key
    assert "spare" not in repr(outcome(asked, [], 1))


def test_every_question_has_its_row() -> None:
    questions = [wants("a"), wants("b"), wants("c")]
    rows = measure([outcome(question, ["b", "c"], 2) for question in questions], [1, 2])
    recall = rows[:, [names([1, 2]).index("recall@1"), names([1, 2]).index("recall@2")]]
    assert recall.tolist() == [[0, 0], [1, 1], [0, 1]]


@given(rankings, expectations, depths, depths)
def test_more_results_never_find_less(
    returned: list[str], expected: list[str], one: int, other: int
) -> None:
    few, many = sorted((one, other))
    found = scores(returned, expected, few, many)
    for metric in ("recall", "recall_any", "recall_all", "mrr"):
        assert found[f"{metric}@{few}"] <= found[f"{metric}@{many}"]


@given(rankings, expectations, depths)
def test_any_is_at_least_the_share_and_the_share_at_least_all(
    returned: list[str], expected: list[str], k: int
) -> None:
    found = scores(returned, expected, k)
    assert found[f"recall_any@{k}"] >= found[f"recall@{k}"] >= found[f"recall_all@{k}"]


@given(rankings, expectations, depths)
def test_every_metric_is_from_0_to_1_and_0_only_together(
    returned: list[str], expected: list[str], k: int
) -> None:
    found = scores(returned, expected, k)
    assert all(0 <= value <= 1 + 1e-12 for value in found.values())
    nothing = found[f"recall_any@{k}"] == 0
    assert all((found[f"{metric}@{k}"] == 0) == nothing for metric in ("recall", "ndcg", "mrr"))
    assert nothing or found[f"mrr@{k}"] >= 1 / k


@given(expectations, st.lists(st.sampled_from("xyz"), max_size=4))
def test_a_perfect_ranking_has_1_everywhere(expected: list[str], behind: list[str]) -> None:
    found = scores([*expected, *behind], expected, len(expected), 12)
    assert list(found.values()) == pytest.approx([1] * (2 * len(METRICS)))


@given(expectations, st.integers(1, 3))
def test_a_k_below_the_evidence_cannot_reach_all_of_it_but_a_perfect_gain(
    expected: list[str], k: int
) -> None:
    found = scores(expected, expected, k)
    assert found[f"recall@{k}"] == pytest.approx(min(1, k / len(expected)))
    assert found[f"ndcg@{k}"] == pytest.approx(1)


@given(st.lists(st.tuples(rankings, expectations), min_size=1, max_size=5), depths)
def test_a_question_scores_the_same_alone_and_among_others(
    asked: list[tuple[list[str], list[str]]], k: int
) -> None:
    outcomes: list[Outcome] = [outcome(wants(*wanted), given_, k) for given_, wanted in asked]
    alone = np.concatenate([measure([each], [k]) for each in outcomes])
    assert measure(outcomes, [k]).tolist() == pytest.approx(alone)
