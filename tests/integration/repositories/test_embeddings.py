from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from agentdb.database import session as transaction
from agentdb.embedding.cached import CachedEmbedder
from agentdb.embedding.embedder import Vector
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.models.embedding import EmbeddingRow
from agentdb.repositories.embeddings import EmbeddingCache


def key(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def vector(*numbers: float) -> Vector:
    return np.array(numbers, dtype=np.float32)


@pytest.fixture
def cache(session: Session) -> EmbeddingCache:
    return EmbeddingCache(session)


def hits(session: Session) -> dict[str, int]:
    rows = session.execute(select(EmbeddingRow.content_hash, EmbeddingRow.hits))
    return {row.content_hash.hex(): row.hits for row in rows}


def test_a_vector_kept_comes_back_bit_by_bit(cache: EmbeddingCache) -> None:
    kept = np.random.default_rng(7).normal(size=384).astype(np.float32)
    cache.put_many("m", {key("a"): kept})
    assert cache.get_many("m", [key("a")])[key("a")].tobytes() == kept.tobytes()


def test_only_what_is_there_comes_back(cache: EmbeddingCache) -> None:
    cache.put_many("m", {key("a"): vector(1), key("b"): vector(2)})
    assert cache.get_many("m", [key("b"), key("c")]) == {key("b"): vector(2)}
    assert cache.get_many("m", []) == {}


def test_models_do_not_share_vectors_and_may_differ_in_dimension(cache: EmbeddingCache) -> None:
    cache.put_many("small", {key("a"): vector(1)})
    cache.put_many("large", {key("a"): vector(3, 4)})
    assert cache.get_many("small", [key("a")])[key("a")].tolist() == [1]
    assert cache.get_many("large", [key("a")])[key("a")].tolist() == [3, 4]
    assert cache.get_many("other", [key("a")]) == {}


def test_a_vector_that_is_there_stays(cache: EmbeddingCache) -> None:
    cache.put_many("m", {key("a"): vector(1)})
    cache.put_many("m", {key("a"): vector(9), key("b"): vector(2)})
    assert cache.get_many("m", [key("a"), key("b")]) == {key("a"): vector(1), key("b"): vector(2)}


def test_nothing_to_keep_is_no_error(cache: EmbeddingCache) -> None:
    cache.put_many("m", {})
    assert cache.get_many("m", [key("a")]) == {}


def test_uses_are_counted(cache: EmbeddingCache, session: Session) -> None:
    cache.put_many("m", {key("a"): vector(1), key("b"): vector(2)})
    cache.get_many("m", [key("a"), key("b")])
    cache.get_many("m", [key("a"), key("c")])
    assert hits(session) == {key("a"): 2, key("b"): 1}


def test_nobody_waits_for_a_count(engine: Engine) -> None:
    with transaction(engine) as first:
        EmbeddingCache(first).put_many("m", {key("a"): vector(1)})
    with transaction(engine) as first, transaction(engine) as second:
        EmbeddingCache(first).get_many("m", [key("a")])
        second.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert EmbeddingCache(second).get_many("m", [key("a")]) == {key("a"): vector(1)}
    with transaction(engine) as third:
        assert hits(third) == {key("a"): 1}


def test_two_that_keep_the_same_texts_do_not_block_each_other(engine: Engine) -> None:
    texts = [key(str(number)) for number in range(500)]

    def keep(order: list[str]) -> None:
        with transaction(engine) as session:
            EmbeddingCache(session).put_many("m", dict.fromkeys(order, vector(1)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(keep, [texts, texts[::-1]]))
    with transaction(engine) as session:
        assert len(hits(session)) == len(texts)


def test_an_embedder_with_this_cache_embeds_each_text_once(cache: EmbeddingCache) -> None:
    embedder = CachedEmbedder(HashingEmbedder(), cache)
    first = embedder.embed(["equality on number column", "range on time column"])
    again = embedder.embed(["range on time column", "equality on number column"])
    assert np.array_equal(first, again[::-1])
