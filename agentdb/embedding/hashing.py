"""A vector without a model: words and pairs of words, hashed. For tests and small machines.

It finds texts that share words, not texts that mean the same. The same text gives the same
vector in every process, on every machine; another recipe must get another name.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from math import log

import numpy as np

from agentdb.embedding.embedder import DIMENSION, Vector, Vectors, unit

_WORD = re.compile(r"\w+|[<>=!~@?&|#]+")  # the operators of SQL are words too
_NOTHING = 1e-6  # keeps a text without words from having length 0


@dataclass(frozen=True, slots=True)
class HashingEmbedder:
    """Signed feature hashing (Weinberger et al. 2009) of words and pairs, counts dampened."""

    name: str = "hashing"
    dimension: int = DIMENSION

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text."""
        rows = [_hashed(text) for text in texts]
        return unit(np.array(rows, dtype=np.float32).reshape(-1, DIMENSION))


def _hashed(text: str) -> Vector:
    row = np.zeros(DIMENSION, dtype=np.float32)
    row[0] = _NOTHING
    for feature, count in Counter(_features(text)).items():
        place, sign = _place(feature)
        row[place] += sign * (1 + log(count))
    return row


def _features(text: str) -> list[str]:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).lower())
    return words + [" ".join(pair) for pair in pairwise(words)]


def _place(feature: str) -> tuple[int, int]:
    """Return where a feature counts, and whether it adds or takes away."""
    digest = blake2b(feature.encode(errors="replace"), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    return number % DIMENSION, 1 if number >> 63 else -1
