"""Several rankings become one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

# Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009), with their constant.
_DAMPING = 60


def fuse(*rankings: Sequence[T]) -> dict[T, float]:
    """Return each item with its score, best first; of equals, the one ranked first earlier.

    >>> list(fuse(["a", "b"], ["b", "c"]))
    ['b', 'a', 'c']
    """
    scores: defaultdict[T, float] = defaultdict(float)
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] += 1 / (_DAMPING + rank)
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))
