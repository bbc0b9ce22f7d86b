"""The same text is embedded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agentdb.embedding.cached import CachedEmbedder, content_hash
from agentdb.embedding.embedder import Vector, Vectors
from agentdb.embedding.hashing import HashingEmbedder


@dataclass
class Noting:
    """An embedder that notes what it was asked for."""

    asked: list[list[str]] = field(default_factory=list)
    name: str = "noting"
    dimension: int = 384
    version: str = ""

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        return HashingEmbedder().embed(texts)


@dataclass
class Kept:
    """A cache in memory."""

    vectors: dict[tuple[str, str], Vector] = field(default_factory=dict)

    def get_many(self, model: str, hashes: Sequence[str]) -> Mapping[str, Vector]:
        found = {key: self.vectors.get((model, key)) for key in hashes}
        return {key: vector for key, vector in found.items() if vector is not None}

    def put_many(self, model: str, vectors: Mapping[str, Vector]) -> None:
        self.vectors |= {(model, key): vector for key, vector in vectors.items()}


def test_a_text_seen_before_is_not_embedded_again() -> None:
    model, kept = Noting(), Kept()
    first = CachedEmbedder(model, kept).embed(["a", "b"])
    second = CachedEmbedder(model, kept).embed(["b", "c", "a"])
    assert model.asked == [["a", "b"], ["c"]]
    assert np.array_equal(second[[2, 0]], first)


def test_a_text_twice_in_one_list_is_embedded_once() -> None:
    model = Noting()
    vectors = CachedEmbedder(model, Kept()).embed(["a", "b", "a"])
    assert model.asked == [["a", "b"]]
    assert np.array_equal(vectors, HashingEmbedder().embed(["a", "b", "a"]))


def test_two_models_do_not_share_vectors() -> None:
    kept, other = Kept(), Noting(name="other")
    CachedEmbedder(Noting(), kept).embed(["a"])
    CachedEmbedder(other, kept).embed(["a"])
    assert other.asked == [["a"]]


def test_two_versions_of_a_model_do_not_share_vectors() -> None:
    kept, newer = Kept(), Noting(version="2")
    CachedEmbedder(Noting(version="1"), kept).embed(["a"])
    CachedEmbedder(newer, kept).embed(["a"])
    CachedEmbedder(newer, kept).embed(["a"])
    assert newer.asked == [["a"]]


def test_one_text_in_two_forms_of_unicode_is_one_text() -> None:
    model = Noting()
    CachedEmbedder(model, Kept()).embed(["caf\u00e9", "cafe\u0301"])
    assert model.asked == [["caf\u00e9"]]


def test_what_is_no_character_reaches_no_model() -> None:
    model = Noting()
    CachedEmbedder(model, Kept()).embed(["a\udcff"])
    assert model.asked == [["a?"]]


def test_no_texts_ask_neither_cache_nor_model() -> None:
    model = Noting()
    assert CachedEmbedder(model, Kept()).embed([]).shape == (0, 384)
    assert model.asked == []


def test_it_bears_the_name_and_dimension_of_its_model() -> None:
    cached = CachedEmbedder(Noting(), Kept())
    assert (cached.name, cached.dimension) == ("noting", 384)


def test_the_hash_is_the_sha256_of_the_text() -> None:
    assert content_hash("abc").startswith("ba7816bf8f01cfea414140de5dae2223")
