from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agentdb.errors import BadData, BadInput
from agentdb.evaluation.gold import GoldQuestion
from agentdb.evaluation.report import Report, as_json, compare, evaluate, read_report

QUESTIONS = (
    GoldQuestion(question="1", expected=("a",), category="fact", group="x"),
    GoldQuestion(question="2", expected=("a", "b"), category="fact", group="y"),
    GoldQuestion(question="3", expected=("c", "?"), category="date", group="y", unresolved=("?",)),
    GoldQuestion(question="4", expected=(), category="none", group="z"),
    GoldQuestion(question="5", expected=("d",), group="z"),
)
ANSWERS = {"1": ["a", "x"], "2": ["x", "b"], "3": ["c"], "4": ["a"], "5": []}


def search(question: GoldQuestion, k: int) -> Sequence[str]:
    return ANSWERS[question.question][:k]


def nothing(question: GoldQuestion, k: int) -> Sequence[str]:
    assert question.expected
    assert k > 0
    return ()


@pytest.fixture
def report() -> Report:
    return evaluate(QUESTIONS, search, ks=[2, 1, 2])


def test_the_figures_are_means_over_the_questions_that_expect_something(report: Report) -> None:
    value = {name: figure.value for name, figure in report.overall.figures.items()}
    assert report.overall.questions == 4
    assert value["recall@1"] == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    assert value["recall@2"] == pytest.approx((1 + 0.5 + 0.5 + 0) / 4)
    assert value["recall_any@2"] == pytest.approx(3 / 4)
    assert value["recall_all@2"] == pytest.approx(1 / 4)
    assert value["mrr@2"] == pytest.approx((1 + 0.5 + 1 + 0) / 4)


def test_what_was_left_out_and_not_resolved_is_counted(report: Report) -> None:
    assert report.ks == (1, 2)
    assert report.left_out == 1
    assert (report.evidence, report.unresolved) == (6, 1)
    assert report.unanswered == 1
    assert report.groups == 3


def test_every_category_has_its_figures(report: Report) -> None:
    assert list(report.categories) == ["date", "fact"]
    assert [part.questions for part in report.categories.values()] == [1, 2]
    assert report.categories["fact"].figures["recall@2"].value == pytest.approx(0.75)
    assert report.categories["fact"].figures["recall@2"].low == pytest.approx(0.5)
    assert report.categories["date"].figures["recall@2"].low is None


def test_every_question_that_expects_something_is_asked_once_for_the_largest_k() -> None:
    asked: list[tuple[str, int]] = []

    def remember(question: GoldQuestion, k: int) -> Sequence[str]:
        asked.append((question.question, k))
        return ()

    evaluate(QUESTIONS, remember, ks=[5, 10])
    assert asked == [("1", 10), ("2", 10), ("3", 10), ("5", 10)]


def test_more_than_k_answers_do_not_help() -> None:
    def generous(_question: GoldQuestion, k: int) -> Sequence[str]:
        return [*("x" * k), "a"]

    found = evaluate(QUESTIONS[:1], generous, ks=[3])
    assert found.overall.figures["recall@3"].value == 0
    assert found.outcomes[0].returned == 3


@pytest.mark.parametrize("ks", [[], [0], [-1, 5]])
def test_k_is_1_or_more(ks: list[int]) -> None:
    with pytest.raises(BadInput, match="1 or more"):
        evaluate(QUESTIONS, nothing, ks)


@pytest.mark.parametrize("questions", [(), QUESTIONS[3:4]])
def test_questions_that_expect_nothing_cannot_be_judged(
    questions: tuple[GoldQuestion, ...],
) -> None:
    with pytest.raises(BadData, match="No question has expected ids"):
        evaluate(questions, nothing, ks=[5])


def test_a_comparison_is_after_less_before(report: Report) -> None:
    gain = compare(evaluate(QUESTIONS, nothing, ks=[1, 2]), report)
    loss = compare(report, evaluate(QUESTIONS, nothing, ks=[1, 2]))
    assert gain.overall.figures["recall@2"].value == pytest.approx(0.5)
    assert loss.overall.figures["recall@2"].value == pytest.approx(-0.5)
    assert gain.categories["fact"].figures["recall@2"].value == pytest.approx(0.75)


def test_nothing_changed_is_certain(report: Report) -> None:
    same = compare(report, report).overall.figures["ndcg@2"]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_pairing_sees_a_gain_that_the_spread_of_conversations_hides() -> None:
    """Each conversation gains one question of ten; how hard they are differs much."""
    questions = [
        GoldQuestion(question=f"{group} {place}", expected=("a",), group=str(group))
        for group in range(8)
        for place in range(10)
    ]

    def answering(more: int) -> Callable[[GoldQuestion, int], Sequence[str]]:
        def answer(question: GoldQuestion, k: int) -> Sequence[str]:
            group, place = map(int, question.question.split())
            return ["a"][:k] if place < group + more else []

        return answer

    before, after = (evaluate(questions, answering(more), ks=[1]) for more in (0, 1))
    gain = compare(before, after).overall.figures["recall@1"]
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))
    assert before.overall.figures["recall@1"].high is not None
    assert after.overall.figures["recall@1"].low is not None
    assert after.overall.figures["recall@1"].low < before.overall.figures["recall@1"].high


def test_only_reports_of_the_same_questions_compare(report: Report) -> None:
    other = (replace(QUESTIONS[0], expected=("z",)), *QUESTIONS[1:])
    with pytest.raises(BadInput, match="same questions"):
        compare(report, evaluate(other, nothing, ks=[1, 2]))
    with pytest.raises(BadInput, match="same ks"):
        compare(report, evaluate(QUESTIONS, nothing, ks=[1]))


def test_a_report_kept_as_json_is_the_same_again(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_text(json.dumps(as_json(report), allow_nan=False))
    assert read_report(path) == report


def test_json_has_figures_and_intervals_under_their_names(report: Report) -> None:
    kept = json.loads(json.dumps(as_json(report)))
    figure = kept["categories"]["date"]["figures"]["recall@1"]
    assert figure == {"value": 0.5, "low": None, "high": None}
    assert kept["overall"]["questions"] == 4


def test_a_comparison_can_be_kept_as_json(report: Report) -> None:
    kept = json.loads(json.dumps(as_json(compare(report, report))))
    assert kept["overall"]["figures"]["recall@1"] == {"value": 0, "low": 0, "high": 0}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("outcomes", None, "`outcomes` is not a list"),
        ("outcomes", [5], "outcome 1 is not an object"),
        ("outcomes", [{"ranks": ["1"]}], "outcome 1: `key` is not a text"),
        ("ks", 5, "`ks` is not a list"),
        ("left_out", None, "`left_out` is not a whole number"),
        ("outcomes", [], "No question"),
    ],
)
def test_another_file_is_no_report(
    field: str, value: object, message: str, report: Report, tmp_path: Path
) -> None:
    path = tmp_path / "before.json"
    path.write_text(json.dumps({**as_json(report), field: value}))
    with pytest.raises(BadData, match=message):
        read_report(path)
