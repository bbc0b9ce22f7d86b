"""Where was the evidence found? Ranks of each question, and the metrics they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from agentdb.evaluation.gold import GoldQuestion

Array = npt.NDArray[np.float64]

METRICS = ("recall", "recall_any", "recall_all", "ndcg", "mrr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one question; holds no text of it.

    `key` tells the question from others; `wanted` is how many ids were expected, `unresolved`
    how many of those nothing in the data has; `ranks` are the places, from 1, at which expected
    ids came; `returned` is how many ids came at all.
    """

    key: str
    wanted: int
    ranks: tuple[int, ...]
    returned: int
    unresolved: int = 0
    category: str | None = None
    group: str | None = None


def outcome(question: GoldQuestion, returned: Sequence[str], k: int) -> Outcome:
    """Return what the first k ids are worth; an id that comes again takes a place in vain."""
    expected = frozenset(question.expected)
    first_places: dict[str, int] = {}
    for rank, id_ in enumerate(returned[:k], start=1):
        first_places.setdefault(id_, rank)
    return Outcome(
        key=_key(question),
        wanted=len(expected),
        ranks=tuple(rank for id_, rank in first_places.items() if id_ in expected),
        returned=min(len(returned), k),
        unresolved=len(frozenset(question.unresolved)),
        category=question.category,
        group=question.group,
    )


def names(ks: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the columns of `measure`.

    >>> names([5])
    ('recall@5', 'recall_any@5', 'recall_all@5', 'ndcg@5', 'mrr@5')
    """
    return tuple(f"{metric}@{k}" for k in ks for metric in METRICS)


def measure(outcomes: Sequence[Outcome], ks: Sequence[int]) -> Array:
    """Return a row for each question, a column for each of `names(ks)`; all from 0 to 1.

    With the first k ids: `recall` is the share of the expected ids that is among them,
    `recall_any` and `recall_all` whether one of them or all of them are, `mrr` is 1 / the place
    of the first. `ndcg` is the normalised discounted cumulative gain with gains of 0 and 1 and
    the discount log2(1 + place) (Järvelin and Kekäläinen 2002). Unresolved ids count as not
    found. Every question must want something.
    """
    wanted = np.array([each.wanted for each in outcomes], dtype=np.float64)
    found = _found(outcomes, max(ks))
    columns = [column for k in ks for column in _at(k, found, wanted)]
    return np.stack(columns, axis=1)


def _found(outcomes: Sequence[Outcome], depth: int) -> Array:
    """Return 1 where a question (row) has an expected id at a place (column), else 0."""
    found = np.zeros((len(outcomes), depth))
    for row, each in enumerate(outcomes):
        found[row, [rank - 1 for rank in each.ranks if rank <= depth]] = 1
    return found


def _at(k: int, found: Array, wanted: Array) -> tuple[Array, ...]:
    """Return the metrics in the order of METRICS."""
    within = found[:, :k]
    hits = within.sum(axis=1)
    any_ = (hits > 0).astype(np.float64)
    all_ = (hits == wanted).astype(np.float64)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(wanted, k).astype(np.intp) - 1]
    return hits / wanted, any_, all_, within @ discounts / ideal, any_ / (within.argmax(axis=1) + 1)


def _key(question: GoldQuestion) -> str:
    parts = (question.group, question.category, question.question, *question.expected)
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
