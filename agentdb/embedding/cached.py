"""The same text is embedded once: vectors kept by model and content."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import numpy as np

from agentdb.embedding.embedder import Embedder, Vector, Vectors, version_of


class VectorCache(Protocol):
    """Where vectors are kept, by the model's name and the hash of the text."""

    def get_many(self, model: str, hashes: Sequence[str]) -> Mapping[str, Vector]:
        """Return the vectors that are there, by hash."""
        ...

    def put_many(self, model: str, vectors: Mapping[str, Vector]) -> None:
        """Keep vectors by hash; one that is there already may stay."""
        ...


@dataclass(frozen=True, slots=True)
class CachedEmbedder:
    """An embedder that asks the cache first; the model is not even loaded if that knows all."""

    embedder: Embedder
    cache: VectorCache

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.embedder.name

    @property
    def dimension(self) -> int:
        """How many numbers each vector has."""
        return self.embedder.dimension

    @property
    def version(self) -> str:
        """The version of the model, where it says so."""
        return version_of(self.embedder)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector a text, the new ones embedded in one go and kept."""
        wanted = {content_hash(text): canonical(text) for text in texts}
        known = dict(self.cache.get_many(self._kept_under, list(wanted))) if wanted else {}
        known |= self._fresh({key: text for key, text in wanted.items() if key not in known})
        rows = [known[content_hash(text)] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, self.dimension)

    def _fresh(self, texts: Mapping[str, str]) -> Mapping[str, Vector]:
        if not texts:
            return {}
        vectors = dict(zip(texts, self.embedder.embed(list(texts.values())), strict=True))
        self.cache.put_many(self._kept_under, vectors)
        return vectors

    @property
    def _kept_under(self) -> str:
        """The name, with the version where there is one: another one gives other vectors."""
        return f"{self.name} {self.version}" if self.version else self.name


def canonical(text: str) -> str:
    """Return the text in Unicode's form C; what is no character (half a surrogate) becomes `?`."""
    return unicodedata.normalize("NFC", text).encode(errors="replace").decode()


def content_hash(text: str) -> str:
    """Return the sha256 of the canonical text, 64 hexadecimal digits."""
    return sha256(canonical(text).encode()).hexdigest()
