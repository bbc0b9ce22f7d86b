"""What is chosen for being good and not the same again."""

from __future__ import annotations

import numpy as np
import pytest

from agentdb.embedding.embedder import Vectors, unit
from agentdb.search.diversity import diversified


def some(count: int, seed: int = 3) -> tuple[list[float], Vectors]:
    rng = np.random.default_rng(seed)
    worth = np.sort(rng.random(count))[::-1].tolist()
    return worth, unit(rng.normal(size=(count, 5)).astype(np.float32))


def test_without_diversity_the_order_stays() -> None:
    worth, vectors = some(20)
    assert diversified(worth, list(vectors), 7, 0) == list(range(7))


@pytest.mark.parametrize("diversity", [0.1, 0.5, 0.9, 1])
def test_each_choice_is_the_best_that_was_left(diversity: float) -> None:
    worth, vectors = some(15)
    chosen = diversified(worth, list(vectors), 15, diversity)
    assert sorted(chosen) == list(range(15))
    for step in range(1, 15):
        likest = {
            place: max(float(vectors[place] @ vectors[other]) for other in chosen[:step])
            for place in set(range(15)) - set(chosen[:step])
        }
        gains = {p: (1 - diversity) * worth[p] - diversity * like for p, like in likest.items()}
        assert gains[chosen[step]] == pytest.approx(max(gains.values()), abs=1e-6)


def test_what_has_no_vector_is_like_nothing() -> None:
    same = np.array([1, 0], dtype=np.float32)
    assert diversified([1.0, 0.9, 0.1], [same, same, None], 2, 0.5) == [0, 2]
    assert diversified([1.0, 0.5], [None, None], 5, 0.5) == [0, 1]


def test_of_nothing_nothing_is_chosen() -> None:
    assert diversified([], [], 3, 0.5) == []
