"""Of what is found, what is good and not the same again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agentdb.models.vector import Vector


def diversified(
    worth: Sequence[float], vectors: Sequence[Vector | None], k: int, diversity: float
) -> list[int]:
    """Return the places of up to `k` candidates, chosen one by one (maximal marginal relevance).

    Each time the one with the most of `(1 - diversity) * worth - diversity * likeness`, where the
    likeness is the cosine to the likest one chosen already (Carbonell and Goldstein 1998). Worth
    is 0 to 1, vectors are of length 1 each; what has none is like nothing.

    >>> a, b = np.array([1, 0]), np.array([0, 1])
    >>> diversified([1.0, 0.9, 0.5], [a, a, b], 2, 0.5)
    [0, 2]
    """
    width = next((len(vector) for vector in vectors if vector is not None), 1)
    known = np.array([np.zeros(width) if vector is None else vector for vector in vectors])
    gain = (1 - diversity) * np.asarray(worth, dtype=np.float64)
    likeness = np.full(len(known), -1.0)  # of the first one to be chosen: to nothing
    chosen: list[int] = []
    while len(chosen) < min(k, len(known)):
        best = int(np.argmax(gain - diversity * likeness))
        chosen.append(best)
        gain[best] = -np.inf
        likeness = np.maximum(likeness, known @ known[best])
    return chosen
