"""Vectors brought to length 1, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from agentdb.embedding.batches import embed_by_length
from agentdb.embedding.embedder import DIMENSION, directions
from agentdb.embedding.hashing import HashingEmbedder


@pytest.mark.parametrize("length", [1e-30, 1e-6, 1, 1e6, 1e30])
@pytest.mark.parametrize("kind", [np.float32, np.float64, list])
def test_any_length_becomes_one(length: float, kind: type) -> None:
    row = np.arange(1, 5) * length
    given = row.tolist() if kind is list else row.astype(kind)
    directed = directions([given] * 300)
    assert directed is not None
    assert len(directed) == 300
    assert np.allclose(directed, np.arange(1, 5) / np.sqrt(30), rtol=1e-6)


@pytest.mark.parametrize(
    "bad", [[0, 0], [float("nan"), 1], [float("inf"), 1], [1, 2, 3], [], "ab", None, [[1, 2]]]
)
def test_what_has_no_direction_or_another_dimension_is_refused(bad: object) -> None:
    good = np.array([0.6, 0.8], dtype=np.float32)
    assert directions([good, bad]) is None
    assert directions([good] * 400 + [bad]) is None


def test_texts_come_back_in_their_order_whatever_their_length() -> None:
    texts = [f"word{n} " * (n * 7 % 13 + 1) for n in range(50)]
    told = list[int]()
    vectors = embed_by_length(HashingEmbedder(), texts, at_once=8, tell=told.append)
    assert np.array_equal(vectors, HashingEmbedder().embed(texts))
    assert told == [8, 16, 24, 32, 40, 48, 50]
    assert embed_by_length(HashingEmbedder(), []).shape == (0, DIMENSION)
