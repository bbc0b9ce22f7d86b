"""Many texts, those of one length together: a model's batch takes as long as its longest text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from agentdb.embedding.embedder import Embedder, Vectors

AT_ONCE = 1024
"""Texts that are embedded, and kept in the cache, together."""


def embed_by_length(
    embedder: Embedder,
    texts: Sequence[str],
    *,
    at_once: int = AT_ONCE,
    tell: Callable[[int], None] = lambda _: None,
) -> Vectors:
    """Return one vector a text, in their order; `tell` is told how many there are so far."""
    if len(texts) <= at_once:
        vectors = embedder.embed(texts)
        tell(len(texts))
        return vectors
    vectors = np.empty((len(texts), embedder.dimension), dtype=np.float32)
    by_length = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    for start in range(0, len(texts), at_once):
        places = by_length[start : start + at_once]
        vectors[places] = embedder.embed([texts[at] for at in places])
        tell(start + len(places))
    return vectors
