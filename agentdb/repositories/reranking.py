"""What was found, in the order in which a reranker puts the first of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentdb.embedding.reranker import Reranker
from agentdb.repositories.memory import Found

RERANKED = 30
"""How many of a search are read again: each costs as much as an embedding."""


def reranked(reranker: Reranker, query: str, found: Sequence[Found]) -> list[Found]:
    """Return the first thirty in the order of the reranker's scores, the others after them."""
    first, others = found[:RERANKED], found[RERANKED:]
    scores = reranker.scores(query, [each.memory.content for each in first])
    said = [replace(each, rerank_score=score) for each, score in zip(first, scores, strict=True)]
    return [*sorted(said, key=lambda each: -(each.rerank_score or 0)), *others]
