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

from agentdb.embedding.embedder import DIMENSION, MOST_NUMBERS, Vector, Vectors, unit
from agentdb.errors import BadSetting

_WORD = re.compile(r"\w+|[<>=!~@?&|#]+")  # the operators of SQL are words too
_NOTHING = 1e-6  # keeps a text without words from having length 0


@dataclass(frozen=True, slots=True)
class HashingEmbedder:
    """Signed feature hashing (Weinberger et al. 2009) of words and pairs, counts dampened.

    Another dimension is another model: `hashing-768`.
    """

    name: str = "hashing"
    dimension: int = DIMENSION
    version: str = "1"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text."""
        rows = [_hashed(text, self.dimension) for text in texts]
        return unit(np.array(rows, dtype=np.float32).reshape(-1, self.dimension))


def make_hashing_embedder(name: str) -> HashingEmbedder:
    """Return the embedder for `hashing` or `hashing-DIMENSION`."""
    digits = name.removeprefix("hashing-")
    if name == "hashing":
        return HashingEmbedder()
    if not (digits.isdecimal() and digits.isascii() and 1 < int(digits) <= MOST_NUMBERS):
        raise BadSetting(
            f"AGENTDB_EMBEDDING_MODEL={name} is no model: write hashing, or hashing-768 for "
            f"another dimension (2 to {MOST_NUMBERS:,})."
        )
    return HashingEmbedder(f"hashing-{int(digits)}", int(digits))


def _hashed(text: str, dimension: int) -> Vector:
    row = np.zeros(dimension, dtype=np.float32)
    row[0] = _NOTHING
    for feature, count in Counter(_features(text)).items():
        place, sign = _place(feature, dimension)
        row[place] += sign * (1 + log(count))
    return row


def _features(text: str) -> list[str]:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).lower())
    return words + [" ".join(pair) for pair in pairwise(words)]


def _place(feature: str, dimension: int) -> tuple[int, int]:
    """Return where a feature counts, and whether it adds or takes away."""
    digest = blake2b(feature.encode(errors="replace"), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    return number % dimension, 1 if number >> 63 else -1
