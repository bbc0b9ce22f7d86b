"""A search is asked every question; a frozen report says how well it did, and against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from agentdb.errors import BadData, BadInput
from agentdb.evaluation.files import narrowed, parse_json, read_text
from agentdb.evaluation.gold import GoldQuestion
from agentdb.evaluation.intervals import Estimate, estimates
from agentdb.evaluation.scores import Array, Outcome, measure, names, outcome


class Searcher(Protocol):
    """What is judged: a question in, at most k ids out, best first."""

    def __call__(self, question: GoldQuestion, k: int, /) -> Sequence[str]:
        """Return the ids found; fewer than k when there are no more."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """Figures of some questions, under names as `recall@10`."""

    questions: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How well a search did.

    `left_out` is how many questions expect nothing and were not asked; `evidence` how many ids
    were expected of the others and `unresolved` how many of those nothing in the data has (they
    count as not found); `unanswered` is how many questions got no id at all; `groups` is what
    the intervals are over. `outcomes` are in the order of the questions.
    """

    ks: tuple[int, ...]
    left_out: int
    evidence: int
    unresolved: int
    unanswered: int
    groups: int
    overall: Part
    categories: Mapping[str, Part]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of a report less those of the one before; an interval below 0 is a loss."""

    overall: Part
    categories: Mapping[str, Part]


def evaluate(questions: Sequence[GoldQuestion], searcher: Searcher, ks: Sequence[int]) -> Report:
    """Ask every question that expects something once, for as many ids as the largest k.

    >>> gold = GoldQuestion(question="Where is the spare key?", expected=("7",))
    >>> evaluate([gold], lambda question, k: ["3", "7"], ks=[1, 5]).overall.figures["recall@5"]
    Estimate(value=1.0, low=None, high=None)

    Raises BadData when no question expects anything, BadInput when a k is not 1 or more.
    """
    deepest = max(_depths(ks))
    asked = [question for question in questions if question.expected]
    outcomes = [outcome(question, searcher(question, deepest), deepest) for question in asked]
    return report_of(outcomes, ks, left_out=len(questions) - len(asked))


def report_of(outcomes: Sequence[Outcome], ks: Sequence[int], *, left_out: int) -> Report:
    """Return the report of outcomes that are there already; no k beyond what was asked for."""
    depths = _depths(ks)
    if not outcomes:
        raise BadData("No question has expected ids. Name at least one id for a question.")
    overall, categories = _parts(measure(outcomes, depths), outcomes, depths)
    return Report(
        ks=depths,
        left_out=left_out,
        evidence=sum(each.wanted for each in outcomes),
        unresolved=sum(each.unresolved for each in outcomes),
        unanswered=sum(each.returned == 0 for each in outcomes),
        groups=_groups(outcomes),
        overall=overall,
        categories=categories,
        outcomes=tuple(outcomes),
    )


def compare(before: Report, after: Report) -> Comparison:
    """Return what changed, after less before, paired question by question.

    An ablation is a comparison of the search with and without an arm; a gate fails when the
    `high` of a figure is below 0. Raises BadInput unless both asked the same questions with the
    same ks.
    """
    keys = [[each.key for each in report.outcomes] for report in (before, after)]
    if keys[0] != keys[1] or before.ks != after.ks:
        raise BadInput("Only reports of the same questions and the same ks can be compared.")
    gains = measure(after.outcomes, after.ks) - measure(before.outcomes, before.ks)
    return Comparison(*_parts(gains, after.outcomes, after.ks))


def as_json(value: Report | Comparison) -> dict[str, object]:
    """Return what `json.dumps` takes: the same names, no text of any question."""
    return asdict(value)


def read_report(path: Path) -> Report:
    """Return a report that was kept as JSON, for a comparison; raises BadData.

    Only its outcomes are read: the figures are computed anew from them.
    """
    return _report(parse_json(read_text(path), path), str(path))


def read_reports(path: Path) -> dict[str, Report]:
    """Return the reports of a file of `agentdb eval` by the arm they are of; raises BadData."""
    kept = narrowed(parse_json(read_text(path), path), dict, str(path))
    arms = narrowed(kept.get("arms"), dict, f"{path}: `arms`")
    return {arm: _report(each, f"{path}, {arm}") for arm, each in arms.items()}


def _report(value: object, place: str) -> Report:
    kept = narrowed(value, dict, place)
    outcomes = narrowed(kept.get("outcomes"), list, f"{place}: `outcomes`")
    ks = narrowed(kept.get("ks"), list, f"{place}: `ks`")
    return report_of(
        [_kept(each, f"{place}, outcome {number}") for number, each in enumerate(outcomes, 1)],
        [narrowed(k, int, f"{place}: `ks`") for k in ks],
        left_out=narrowed(kept.get("left_out"), int, f"{place}: `left_out`"),
    )


def _kept(value: object, place: str) -> Outcome:
    fields = narrowed(value, dict, place)
    ranks = narrowed(fields.get("ranks"), list, f"{place}: `ranks`")
    return Outcome(
        key=narrowed(fields.get("key"), str, f"{place}: `key`"),
        wanted=narrowed(fields.get("wanted"), int, f"{place}: `wanted`"),
        ranks=tuple(narrowed(rank, int, f"{place}: `ranks`") for rank in ranks),
        returned=narrowed(fields.get("returned"), int, f"{place}: `returned`"),
        unresolved=narrowed(fields.get("unresolved"), int, f"{place}: `unresolved`"),
        category=_label(fields.get("category"), f"{place}: `category`"),
        group=_label(fields.get("group"), f"{place}: `group`"),
    )


def _label(value: object, place: str) -> str | None:
    return None if value is None else narrowed(value, str, place)


def _depths(ks: Sequence[int]) -> tuple[int, ...]:
    depths = tuple(sorted(set(ks)))
    if not depths or depths[0] < 1:
        raise BadInput("k must be 1 or more: it is how many results are looked at.")
    return depths


def _groups(outcomes: Sequence[Outcome]) -> int:
    named = {each.group for each in outcomes if each.group is not None}
    return len(named) + sum(each.group is None for each in outcomes)


def _parts(
    values: Array, outcomes: Sequence[Outcome], ks: Sequence[int]
) -> tuple[Part, dict[str, Part]]:
    """Return the figures of all questions, and of each category in alphabetical order."""
    categories = sorted({each.category for each in outcomes if each.category is not None})
    members = np.array(
        [[True, *(each.category == name for name in categories)] for each in outcomes]
    )
    rows = estimates(values, [each.group for each in outcomes], members)
    overall, *others = (
        Part(int(size), dict(zip(names(ks), row, strict=True)))
        for size, row in zip(members.sum(axis=0), rows, strict=True)
    )
    return overall, dict(zip(categories, others, strict=True))
